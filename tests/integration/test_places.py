"""The index by which pending changes with an id are found without reading all others."""

from __future__ import annotations

from typing import cast

import msgspec
import pytest
from redis import Redis

from queues import dead_letters, erasure, keys, pending
from queues.change import Body, encode, person_key
from queues.clock import now_ms
from queues.history import traces
from tests.support.identity_messages import identify, segment
from tests.support.identity_world import IdentityWorld
from tests.support.ops import VIPS

PENDING = keys.queue(VIPS, "pending")


def stored(number: int, user: str = "") -> bytes:
    """A pending change of a person with an id."""
    email, user = f"p{number}@example.com", user or f"u-{number}"
    names = (person_key("email", email), person_key("user_id", user))
    person = msgspec.Raw(msgspec.json.encode({"email": email, "external_id": user}))
    return encode(names, 1_800_000_000_000 + number, Body("update", 1_800_000_000_000, "segment", "", person))


def fill(redis: Redis, *changes: bytes) -> None:
    redis.rpush(PENDING, *changes)


def found(redis: Redis, *users: str) -> list[str]:
    """The e-mails of the pending changes with these ids."""
    some = traces.by_index(redis, VIPS, [person_key("user_id", each) for each in users])
    assert some is not None
    return [msgspec.json.decode(each.body.person)["email"].partition("@")[0] for each in some]


def read(redis: Redis) -> int:
    """How often changes were read from a list so far."""
    return int(redis.info("commandstats").get("cmdstat_lrange", {"calls": 0})["calls"])


def test_changes_are_found_by_their_ids_in_their_order(redis: Redis) -> None:
    fill(redis, *map(stored, range(2_500)), stored(9_001, "u-7"))
    assert found(redis, "u-2400", "u-7", "nobody") == ["p7", "p2400", "p9001"]
    assert found(redis, "nobody") == []


def test_each_change_is_read_once_and_not_for_each_question(redis: Redis) -> None:
    fill(redis, *map(stored, range(5_000)))
    before = read(redis)
    assert found(redis, "u-4000") == ["p4000"]
    assert read(redis) - before == 5, "a thousand at a time"
    fill(redis, stored(5_000))
    before = read(redis)
    assert found(redis, "u-5000", "u-1") == ["p1", "p5000"]
    assert found(redis, "u-4000") == ["p4000"]
    assert read(redis) - before == 1, "the new one"


def test_changes_that_are_taken_are_found_no_more_and_the_others_are(redis: Redis) -> None:
    fill(redis, *map(stored, range(100)))
    assert found(redis, "u-10", "u-90") == ["p10", "p90"]
    redis.ltrim(PENDING, 50, -1)
    redis.hincrby(keys.queue(VIPS), "taken", 50)
    fill(redis, stored(100))
    assert found(redis, "u-10", "u-90", "u-100") == ["p90", "p100"]


def test_an_erasure_moves_changes_and_discards_the_index(redis: Redis) -> None:
    fill(redis, *map(stored, range(100)))
    redis.hset(keys.queue(VIPS), mapping={"size": 1_000, "age": 1_000_000})
    assert found(redis, "u-90") == ["p90"]
    assert erasure.erase(redis, VIPS, [stored(10)], [], now_ms()).pending == 1
    assert found(redis, "u-90", "u-10") == ["p90"]


def test_it_is_made_anew_after_an_hour_and_goes_when_nobody_asks(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(redis, *map(stored, range(100)))
    found(redis, "u-1")
    monkeypatch.setattr(traces, "now_ms", lambda: now_ms() + traces.USED_MS)
    before = read(redis)
    assert found(redis, "u-1") == ["p1"]
    assert read(redis) - before == 1
    assert all(0 < redis.pttl(key) <= 2 * traces.USED_MS for key in redis.scan_iter(match="*:places:*"))


def test_where_memory_is_short_all_changes_are_read(redis: Redis) -> None:
    fill(redis, *map(stored, range(100)))
    redis.config_set("maxmemory", int(redis.info("memory")["used_memory"]) + 1_000)
    try:
        asked = {person_key("user_id", "u-7")}
        assert traces.by_index(redis, VIPS, asked) is None
        assert [each.body.person for each in traces.undelivered(redis, VIPS, asked)] != []
        assert not list(redis.scan_iter(match="*:places:*"))
    finally:
        redis.config_set("maxmemory", 0)


def test_an_event_finds_a_replayed_change_of_its_user(who: IdentityWorld) -> None:
    who.send(identify("u-2", email="ann.example.com"))
    who.post(identify("u-3", email="c@example.com"))
    who.post(segment("track", userId="u-3", event="First"))
    who.deliver("event")
    (letter,) = who.letters()
    fixed = letter.change.body
    person = msgspec.Raw(bytes(fixed.person).replace(b"ann.example.com", b"ann@example.com"))
    assert dead_letters.replay(who.redis, letter.queue, [letter.id], now_ms()).replayed == 1
    name = keys.queue(letter.queue, "pending")
    replayed = encode(letter.change.keys, letter.change.accepted_at, msgspec.structs.replace(fixed, person=person))
    who.redis.lset(name, 0, cast("str", replayed))  # redis-py takes bytes, too
    who.post(segment("track", userId="u-2", event="Second"))
    who.deliver("event")
    assert pending.all_queues(who.redis)
    assert dict(who.events()) == {"First": "c@example.com", "Second": "ann@example.com"}
