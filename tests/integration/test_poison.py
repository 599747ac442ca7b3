"""Bad people of every kind in one batch, against the emulator: they are dead letters, the others members."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import orjson
import pytest
from redis import Redis

from klaviyo.endpoints import PUBLISHED, Quota
from mappings.profile import Profile
from queues import dead_letters
from queues.clock import now_ms
from tests.support.world import QUEUE, World, world_of
from worker.audience import upload
from worker.people.batch_people import encode_row

IMPORTS = "/api/profile-bulk-import-jobs"
#: How an address begins -> the reason of the dead letter.
BAD = {
    "unmappable ": "email_invalid",
    "named-": "invalid",
    "unnamed-": "invalid",
    "fail+blocked-": "blocked-",
}


@pytest.fixture
def world(redis: Redis, redis_url: str, klaviyo: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setitem(PUBLISHED, "bulk_import_profiles", Quota(10_000, 100_000))
    with world_of(redis, redis_url, klaviyo, monkeypatch) as world:
        yield world


def spoil_some_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of the mapping: Klaviyo refuses these rows and names them."""
    encode = encode_row

    def spoilt(profile: Profile, profile_id: str = "", left_out: Iterable[str] = ()) -> bytes:
        row = orjson.loads(encode(profile, profile_id, left_out))
        if row["attributes"]["email"].startswith("named-"):
            row["attributes"]["shoe_size"] = 42
        return orjson.dumps(row)

    monkeypatch.setattr(upload, "encode_row", spoilt)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_random_subset_is_bad_and_comes_through_once_the_cause_is_gone(
    world: World, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    beginnings = [chance.choice([*BAD, "fine-", "fine-", "fine-"]) for _ in range(40)]
    everybody = [f"{beginning}{n}@example.com" for n, beginning in enumerate(beginnings)]
    bad = {person: reason for person in everybody for start, reason in BAD.items() if person.startswith(start)}
    with monkeypatch.context() as patch:
        spoil_some_rows(patch)
        world.fault("400", IMPORTS, times=100, body="unnamed-")
        world.change("add", *everybody)
        world.deliver(rings=3)
    assert world.members() == set(everybody) - bad.keys()
    assert world.dead().keys() == bad.keys()
    assert all(found.startswith(bad[person]) for person, found in world.dead().items())
    assert len(world.requests(IMPORTS, "POST")) <= 2 * len(everybody)

    # The mapping is mended, and Klaviyo's opinion of the others is what it was.
    letters = [letter.id for letter in dead_letters.read(world.redis, QUEUE)]
    dead_letters.replay(world.redis, QUEUE, letters, now_ms())
    world.deliver(rings=3)
    mended = {person for person in bad if person.startswith("named-")}
    assert world.members() == set(everybody) - bad.keys() | mended
    assert world.dead().keys() == bad.keys() - mended
