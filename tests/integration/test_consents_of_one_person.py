"""The consents of one person by e-mail and by SMS lead to one profile: they are never on their way at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis

from queues import keys, pending
from queues.change import person_key
from queues.clock import now_ms
from queues.names import Queue
from tests.support.world import world_of

CONSENTS = Queue("default", "consent", "consents")
#: Those under which an erasure looks for the person.
KEYS = {person_key("email", "ann@example.com").encode(), person_key("phone", "14155550132").encode()}
REFUSES = {"gdpr": {name: {"consented": False} for name in ("newsletter", "texts")}}


def take_one(redis: Redis) -> str | None:
    (seen,) = pending.look(redis, [CONSENTS])
    return pending.take(redis, seen, "size", 1, now_ms())


def test_who_refuses_both_channels_is_not_unsubscribed_from_everything_by_two_batches(
    redis: Redis, redis_url: str, klaviyo: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mapping = 'consent_mapping = {newsletter = "email", texts = "sms"}\nconsent_removal = true\n'
    (tmp_path / "connections.toml").write_text(f"[connections.default]\n{mapping}")
    monkeypatch.setenv("FERRY_CONNECTIONS", str(tmp_path / "connections.toml"))
    with world_of(redis, redis_url, klaviyo, monkeypatch) as world:
        world.change("add", {"email": "ann@example.com", "phone": "+14155550132", "consent_state": REFUSES})
        world.deliver()
        world.control("jobs", seconds=3_600)
        first = take_one(redis)
        assert first is not None
        assert redis.smembers(keys.queue(CONSENTS, "open")) >= KEYS
        world.ring(first)
        assert take_one(redis) is None
        world.control("jobs", seconds=0)
        world.ring(first)
        second = take_one(redis)
        assert second is not None
        world.ring(second)
        assert world.look("traps") == []
