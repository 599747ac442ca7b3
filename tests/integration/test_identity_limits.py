"""Look-ups about people when Klaviyo's limits are spent, and when batches look at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from klaviyo import lookups
from klaviyo.calls import Caller
from klaviyo.endpoints import PUBLISHED, Quota
from klaviyo.lookups import FoundProfile, ProfileField
from queues import keys
from queues.names import Queue
from tests.support.world import World, addresses
from worker.audience import remove
from worker.people import proving, verifying

ANN, BOB, PHONE = "ann@example.com", "bob@example.com", "+14155552671"
PROFILES = "/api/profiles"
OTHER = Queue("default", "audience", "43")


@pytest.fixture(autouse=True)
def portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred people at once, so that few of them show it."""
    for module in (verifying, proving, remove):
        monkeypatch.setattr(module, "AT_ONCE", 100)


def next_minute(world: World) -> None:
    """The limits are as good as new."""
    for key in world.redis.scan_iter(match=f"{keys.LIMITS}*"):
        world.redis.delete(key)


def asked(world: World) -> int:
    """Look-ups of profiles by their identifiers."""
    return sum(each["path"] == PROFILES for each in world.requests(PROFILES, "GET"))


def looks(world: World) -> int:
    """Look-ups of members of the list."""
    return len([each for each in world.requests("/api/lists/", "GET") if each["path"].endswith("/profiles")])


def with_phones(people: int) -> list[dict[str, Any]]:
    return [{"email": each, "phone": f"+1415555{2_600 + n}"} for n, each in enumerate(addresses(people))]


def test_a_batch_that_waits_for_the_limit_asks_on_where_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PUBLISHED, "get_profiles", Quota(burst=100, steady=6))  # five of them are Ferry's
    world.change("add", *with_phones(300))
    batch_id = world.take()
    world.ring(batch_id)
    assert asked(world) == 5
    assert world.members() == set()
    next_minute(world)
    for _ in range(3):
        world.ring(batch_id)
    assert world.counts()["delivered"] == 300
    assert asked(world) == 7, "the addresses and phones of each hundred; the addresses of the third once more"
    assert all((world.person(each["email"]) or {}).get("phone_number") == each["phone"] for each in with_phones(300))


def test_a_batch_that_waits_for_the_limit_proves_on_where_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PUBLISHED, "get_profiles_for_list", Quota(burst=100, steady=3))  # two of them are Ferry's
    world.change("add", *addresses(300))
    batch_id = world.take()
    for _ in range(3):
        world.ring(batch_id)
    assert (looks(world), world.counts()["delivered"]) == (2, 0)
    next_minute(world)
    world.ring(batch_id)
    assert (looks(world), world.counts()["delivered"]) == (3, 300)


def test_a_batch_that_waits_for_the_limit_removes_on_where_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.change("add", *addresses(300))
    world.deliver(rings=4)
    monkeypatch.setitem(PUBLISHED, "get_profiles_for_list", Quota(burst=100, steady=4))  # three of them are Ferry's
    before = looks(world)
    world.change("remove", *addresses(300))
    batch_id = world.take()
    world.ring(batch_id)
    assert (looks(world) - before, len(world.members())) == (3, 100)
    for _ in range(3):
        next_minute(world)
        world.ring(batch_id)
    assert (world.members(), world.counts()["delivered"]) == (set(), 600)
    assert looks(world) - before == 3 * 2 + 2, "each hundred is looked for before and after; two once more"


def test_who_is_missing_is_looked_for_and_nobody_else_when_sent_once_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = addresses(300)[250]

    def slow(call: Caller, list_id: str, field: Any, values: Sequence[str]) -> list[FoundProfile]:
        """Klaviyo does not show one of them until it was imported twice."""
        found = find_members(call, list_id, field, values)
        uploads = len(world.requests("/api/profile-bulk-import-jobs", "POST"))
        return found if uploads > 1 else [each for each in found if each.email != late]

    find_members = lookups.find_members
    monkeypatch.setattr(lookups, "find_members", slow)
    world.change("add", *addresses(300))
    world.deliver(rings=12)
    assert (world.counts()["delivered"], world.dead()) == (300, {})
    # Three of everybody, two of the one, and one of the one when it was sent once more.
    assert looks(world) == 3 + 2 + 1


def test_what_was_free_when_asked_is_sent_with_nobody_else_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = World(world.redis, world.klaviyo, OTHER)
    other.name = "Others"
    find_profiles = lookups.find_profiles
    overtaken: list[bool] = []

    def slow(call: Caller, field: ProfileField, values: Sequence[str], *, consents: bool = False) -> list[FoundProfile]:
        """Between the answer and what is made of it, another batch comes from the beginning to the end."""
        found = find_profiles(call, field, values, consents=consents)
        if field == "phone_number" and not overtaken:
            overtaken.append(True)
            other.change("add", {"email": BOB, "phone": PHONE})
            other.deliver()
        return found

    monkeypatch.setattr(lookups, "find_profiles", slow)
    world.change("add", {"email": ANN, "phone": PHONE})
    world.deliver()
    assert (world.members(), other.members("Others")) == ({ANN}, {BOB})
    assert [(world.person(each) or {}).get("phone_number") for each in (ANN, BOB)] == [PHONE, None]
    assert (world.left_out(), other.left_out()) == ({}, {"identifier_taken": 1})


def test_an_address_that_klaviyo_keeps_beside_another_is_found_in_few_requests(world: World) -> None:
    world.control("identity", clash="merge", multi_email=True)
    people = with_phones(100)
    world.write_profile(email=ANN, external_id="c-1")
    world.write_profile(email=people[70]["email"], external_id="c-1")
    world.change("add", *people)
    world.ring(world.take())
    assert asked(world) <= 2 + 1 + 2 * 7, "two questions, then halves"
