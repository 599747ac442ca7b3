"""Fifty people change their mind twenty times each while Klaviyo answers at random: nobody is lost or misplaced."""

from __future__ import annotations

import logging
import os
import random
from collections import Counter
from collections.abc import Iterator

import pytest
from redis import Redis

from emulator.faults import Fault, FaultName, Faults
from emulator.world import World
from queues import dead_letters, pending
from queues.change import Action
from queues.clock import now_ms
from queues.pending import all_queues
from tests.support import oracle
from tests.support.local_system import LocalSystem, lift_limits, local_system
from tests.support.model import DOMAIN, HOPELESS, Message, address
from tests.support.recovery import open_batches, waiting

log = logging.getLogger(__name__)

PEOPLE, CHANGES, AUDIENCES = 50, 20, ("1", "2", "3")
POISON = f"{HOPELESS}poison-"
STORM: tuple[FaultName, ...] = ("429", "500", "503_html", "reset", "lost_response")
ROUNDS = 400


class Weather(Faults):
    """Any call may fail in any way; an import with certain people in it always does, without a word who they are."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.stormy = True
        self.played: Counter[str] = Counter()
        self._chance = chance

    def take(self, method: str, path: str, body: bytes) -> Fault | None:
        """What to play for this call."""
        name: FaultName | None = None
        if self.stormy and self._chance.random() < 0.3:
            name = self._chance.choice(STORM)
        elif POISON.encode() in body:
            name = "400"
        if name is None:
            return None
        self.played[name] += 1
        return Fault(name, retry_after=self._chance.randint(2, 5))


@pytest.fixture
def system(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSystem]:
    lift_limits(monkeypatch)
    world = World(job_seconds=0, limits_off=True)
    with local_system(redis, redis_url, world, monkeypatch, FERRY_FLUSH_SIZE="40", FERRY_UPLOAD_MAX="100") as system:
        yield system


def everybody() -> list[str]:
    """Most are fine, three are poison, and the rows of three fail after they were accepted."""
    poison = [f"{POISON}{n}@{DOMAIN}" for n in range(3)]
    failing = [f"{HOPELESS}blocked-{n}@{DOMAIN}" for n in range(3)]
    return [*poison, *failing, *(address(n) for n in range(PEOPLE - 6))]


def messages(chance: random.Random) -> Iterator[Message]:
    """Twenty changes of each, in messages of one to six."""
    left = [person for person in everybody() for _ in range(CHANGES)]
    chance.shuffle(left)
    while left:
        size = chance.randint(1, 6)
        part, left = left[:size], left[size:]
        yield Message(tuple((chance.choice(AUDIENCES), action(person, chance), person) for person in part))


def action(person: str, chance: random.Random) -> Action:
    # Who cannot be imported cannot be updated either, and would leave letters that the model knows nothing of.
    actions: tuple[Action, ...] = ("add", "remove") if person.startswith(HOPELESS) else ("add", "remove", "update")
    return chance.choice(actions)


def work_until_quiet(system: LocalSystem) -> None:
    for _ in range(ROUNDS):
        for queue in all_queues(system.redis):
            pending.flush(system.redis, queue, now_ms())
        system.work()
        if not open_batches(system.redis) and not waiting(system.redis):
            return
    raise AssertionError(f"{len(open_batches(system.redis))} batches are still open after {ROUNDS} rounds")


def test_random_answers_lose_nobody_and_everybody_ends_where_the_last_change_says(system: LocalSystem) -> None:
    seed = int(os.environ.get("WEATHER_SEED") or 1)
    log.warning("seed %d", seed)
    chance = random.Random(seed)
    system.empty()
    system.world.faults = weather = Weather(random.Random(seed + 1))
    for number, sent in enumerate(messages(chance)):
        system.accept(sent)
        if number % 30 == 0:
            system.work()
            assert oracle.balance(system.redis) == []
    work_until_quiet(system)
    assert oracle.conservation(system.redis, system.model) + oracle.quiet(system.redis) == []
    assert set(weather.played) == {*STORM, "400"}

    weather.stormy = False
    gave_up = 0
    for queue in all_queues(system.redis):
        letters = list(dead_letters.read(system.redis, queue))
        gave_up += sum(letter.reason == "gave_up" for letter in letters)
        dead_letters.replay(system.redis, queue, [letter.id for letter in letters], now_ms())
    log.warning("%s played, %d changes had been given up", dict(weather.played), gave_up)
    system.check()
    assert system.model.accepted.total() == PEOPLE * CHANGES
