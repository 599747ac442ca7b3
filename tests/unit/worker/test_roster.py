from __future__ import annotations

from collections.abc import Iterator

import pytest

from queues.snapshots.members import bucket_of
from worker.snapshots.baseline import identities
from worker.snapshots.roster import Roster

ANN = "email:ann@example.com"
PROFILES: list[dict[str, str | None]] = [
    {"email": "Ann@example.com", "phone_number": "+14155552671", "external_id": "c-1"},
    {"email": None, "phone_number": "+14155552672", "external_id": None},
    {"email": None, "phone_number": None, "external_id": None},
]
LIST = [identities(each) for each in PROFILES]


@pytest.fixture
def roster() -> Iterator[Roster]:
    found = Roster(LIST)
    yield found
    found.close()


def strangers(roster: Roster) -> list[str]:
    return [name for number in range(4_096) for name in roster.strangers(number)]


@pytest.mark.parametrize("name", [ANN, "phone_number:+14155552671", "external_id:c-1"])
def test_somebody_is_found_by_any_identity_and_is_no_stranger_then(roster: Roster, name: str) -> None:
    assert roster.find(bucket_of(name), {name, "email:bob@example.com"}) == {name}
    assert strangers(roster) == ["phone_number:+14155552672"]


def test_whoever_was_not_looked_for_is_a_stranger_by_the_strongest_identity(roster: Roster) -> None:
    assert roster.find(bucket_of(ANN), set()) == set()
    assert sorted(strangers(roster)) == [ANN, "phone_number:+14155552672"]


def test_everybody_on_the_list_is_counted(roster: Roster) -> None:
    assert roster.size == 3


def test_a_list_that_breaks_off_is_no_shorter_list() -> None:
    def breaking() -> Iterator[list[str]]:
        yield LIST[0]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        Roster(breaking())
