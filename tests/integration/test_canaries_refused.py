"""Klaviyo repeats marked people in its refusals, and Ferry does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from klaviyo.errors import NotAccepted
from queues import dead_letters, holds
from tests.support import canaries as c
from tests.support.marked_hearing import silent
from tests.support.recovery import let_time_pass
from tests.support.talkative import Talkative, talkative
from tests.support.world import QUEUE, World
from worker import refusals
from worker.process import settings_of_process

pytestmark = pytest.mark.usefixtures("marked")

#: Fields of Talkative.
REFUSALS: list[dict[str, Any]] = [
    *({"status": status} for status in (301, 400, 401, 403, 404, 408, 409, 410, 413, 414, 422, 429, 500, 503)),
    *({"status": status, "reads": False} for status in (301, 400, 401, 404, 413, 429)),
    *({"status": status, "cut": True} for status in (400, 403, 429)),
    *({"status": status, "html": True} for status in (400, 403, 503)),
    {"status": 400, "pointer": "/data/attributes/profiles/data/0/attributes/email"},
]


@pytest.fixture
def gossip(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Talkative]:
    """A Klaviyo that repeats everything it is sent, instead of the emulator."""
    with talkative() as klaviyo:
        monkeypatch.setenv("KLAVIYO_BASE_URL", klaviyo.url)
        settings_of_process.cache_clear()
        yield klaviyo


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_what_klaviyo_says_is_kept_with_dead_letters_and_repeated_nowhere(
    world: World,
    gossip: Talkative,
    heard: c.Heard,
    monkeypatch: pytest.MonkeyPatch,
    refusal: dict[str, Any],
) -> None:
    raised: list[NotAccepted] = []
    handle = refusals.handle

    def handled(delivery: Any, fault: NotAccepted) -> None:
        raised.append(fault)
        handle(delivery, fault)

    monkeypatch.setattr(refusals, "handle", handled)
    for name, value in refusal.items():
        setattr(gossip, name, value)
    world.settings = {"listId": "LIST42"}
    world.change("add", c.ANN)
    ring_often(world)
    world.change("remove", c.BEN, {"phone": c.E164}, {"external_id": c.EXTERNAL_ID})
    ring_often(world)
    assert any(c.marks(each) for each in gossip.refused), "or nothing was repeated at all"
    assert [each for each in raised if c.marks(f"{each} {each!r} {each.outcome!r}")] == []
    letters = list(dead_letters.read(world.redis, QUEUE))
    if gossip.status == 400 and gossip.reads and not (gossip.cut or gossip.html):
        assert any(c.marks(repr(letter.detail)) for letter in letters), "where it belongs"
    assert not c.marks(repr([*holds.of_connections(world.redis).values(), holds.of_queue(world.redis, QUEUE)]))
    silent(heard, world.redis)


def ring_often(world: World) -> None:
    """Take what waits and ring for it a few times; whatever held it is released."""
    holds.release(world.redis, QUEUE)
    holds.release(world.redis, QUEUE.connection)
    batch_id = world.take()
    for _ in range(3):
        let_time_pass(world.redis)
        world.ring(batch_id)
