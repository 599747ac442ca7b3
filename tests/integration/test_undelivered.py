"""What is accepted and not settled, also while it moves."""

from __future__ import annotations

import msgspec
import pytest
from redis import Redis

from queues import keys, unsettled
from queues.change import Change, decode
from tests.support.ops import LAPSED, VIPS, put, settle, take
from tests.support.people import names


def addresses(redis: Redis) -> list[str]:
    return [msgspec.json.decode(change.body.person)["email"] for change in unsettled.changes(redis, VIPS)]


def test_open_batches_come_before_what_waits_and_settled_ones_not_at_all(redis: Redis) -> None:
    put(redis, *names(100))
    settled = take(redis)
    assert settled is not None
    settle(redis, settled)
    put(redis, *names(100, 100))
    assert take(redis) is not None
    put(redis, *names(5, 200))
    put(redis, "else@example.com", queue=LAPSED)
    assert addresses(redis) == names(105, 100)


def test_a_queue_that_nobody_has_heard_of_has_nothing(redis: Redis) -> None:
    assert addresses(redis) == []


def test_pages_are_put_together(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unsettled, "_PAGE", 7)
    put(redis, *names(50))
    assert addresses(redis) == names(50)


@pytest.mark.parametrize("after", [1, 3, 10])
def test_nobody_is_missed_when_a_batch_is_taken_between_two_pages(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(unsettled, "_PAGE", 20)
    put(redis, *names(260))
    decoded = 0

    def disturbed(stored: bytes) -> Change:
        nonlocal decoded
        decoded += 1
        if decoded == 20 * after:
            assert take(redis) is not None
        return decode(stored)

    monkeypatch.setattr(unsettled, "decode", disturbed)
    found = addresses(redis)
    assert redis.llen(keys.queue(VIPS, "pending")) == 160
    assert set(found) == set(names(260))
