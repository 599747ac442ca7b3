"""A large settlement is divided into portions that write everything once."""

from __future__ import annotations

from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from queues import settlement
from queues.change import Body, Change
from queues.settlement import LETTERS, MOVED, RELEASED, Decided, Portion, Settlement, Undeliverable, portion, releases


def settlement_of(moved: int, dead: int) -> Settlement:
    letters = [Undeliverable(index, "no_email", {"field": "email"}) for index in range(dead)]
    return Settlement(moved=range(moved), dead=letters)


def portions(end: Settlement) -> list[Portion]:
    found: list[Portion] = []
    while part := portion(end, found[-1].last if found else 0):
        found.append(part)
    return found


@given(st.integers(0, 2_000), st.integers(0, 1_000))
def test_the_portions_have_everything_once_in_order_and_the_letters_last(moved: int, dead: int) -> None:
    end = settlement_of(moved, dead)
    parts = portions(end)
    assert [index for part in parts for index in part.moved] == list(range(moved))
    assert [letter for part in parts for letter in part.dead] == end.dead
    assert not any(later.moved for part, later in pairwise(parts) if part.dead)
    assert all(len(part.moved) <= MOVED and len(part.dead) <= LETTERS for part in parts)


@given(st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=3, unique=True), max_size=3 * RELEASED))
def test_each_person_key_is_released_once_and_not_before_its_last_change(keys: list[list[int]]) -> None:
    body = Body("add", 0, "changes", "m", msgspec.Raw(b"{}"))
    changes = [Change(tuple(map(str, each)), 0, body) for each in keys]
    released: set[str] = set()
    left = changes
    for count, freed in releases(changes):
        left = left[count:]
        assert count <= RELEASED
        assert released.isdisjoint(freed)
        released.update(freed)
        assert released.isdisjoint(key for change in left for key in change.keys)
    assert left == []
    assert released == {key for change in changes for key in change.keys}


def test_a_settlement_is_read_as_it_was_stored() -> None:
    end = Settlement(3, [Undeliverable(7, "no_email", {"detail": "é", "crashes": 3})], [0, 5], {"late": 2}, b"\x00h", 4)
    assert settlement.load(settlement.dump(Decided(9, end))) == Decided(9, end)
    assert settlement.load(None) is None


def test_a_settlement_is_written_in_one_call_as_long_as_it_is_small() -> None:
    assert not Decided(100, settlement_of(100, 0)).is_large
    assert not Decided(100, settlement_of(0, 100)).is_large
    assert Decided(500, settlement_of(0, LETTERS)).is_large
    assert Decided(500, settlement_of(MOVED, 0)).is_large
    assert Decided(RELEASED + 1, settlement_of(0, 0)).is_large
