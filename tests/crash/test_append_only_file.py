"""Every state of the ledger that a busy run passed through is one to recover from: each is a prefix of Redis's log."""

from __future__ import annotations

import logging
import pickle
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis

from configuration import settings
from emulator.world import World
from klaviyo.http import Answer, Transport
from queues import dead_letters, keys, pending
from queues.acceptance import accept
from queues.clock import now_ms
from queues.policy import FlushPolicy
from scheduler.tick import tick
from tests.support import aof, oracle
from tests.support.emulated import Snapshot, restore, serving, snapshot
from tests.support.klaviyo import Account
from tests.support.model import DOMAIN, HOPELESS, Message, Model, message, queue_of
from tests.support.proxied_system import SIZE, environment
from tests.support.recovery import let_time_pass, open_batches, recover
from tests.support.valkey import start_server
from worker.deliver import deliver
from worker.process import settings_of_process

log = logging.getLogger(__name__)
POLICY = FlushPolicy(size=SIZE, upload_max=SIZE)
#: RQ's keys are but the doorbell; no delivery reads the others.
NEVER_READ = (keys.RQ_PREFIX.encode(), keys.METRICS.encode(), keys.HEARTBEAT.encode(), keys.WAKE.encode())


@dataclass
class Recording:
    """A run. `worlds` and `accepted` go with the length of the log at that moment."""

    folder: Path
    world: World
    worlds: list[tuple[int, Snapshot]] = field(default_factory=list)
    accepted: list[tuple[int, Message]] = field(default_factory=list)

    def length(self) -> int:
        return aof.log_of(self.folder).stat().st_size

    def look_at_klaviyo(self) -> None:
        self.worlds.append((self.length(), snapshot(self.world)))

    def model(self, end: int) -> Model:
        """What was accepted when the log was so long."""
        model = Model()
        for length, sent in self.accepted:
            if length <= end:
                model.accept(sent)
        return model


@pytest.fixture(scope="module")
def world() -> World:
    return World(job_seconds=0, limits_off=True)


@pytest.fixture(scope="module")
def url(world: World) -> Iterator[str]:
    with serving(world) as url:
        yield url


@pytest.fixture(scope="module")
def recording(world: World, url: str, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder = tmp_path_factory.mktemp("recorded")
    recording = Recording(folder, world)
    process, redis_url = start_server(folder, *aof.OPTIONS)
    try:
        with pytest.MonkeyPatch.context() as patch, Redis.from_url(redis_url) as redis:
            use(patch, redis_url, url)
            recording.look_at_klaviyo()
            record_requests(patch, recording)
            busy_run(redis, recording)
    finally:
        process.kill()
        process.wait(30)
    return recording


def use(patch: pytest.MonkeyPatch, redis_url: str, klaviyo_url: str) -> None:
    """Deliveries of this process go there from now on."""
    for name, value in environment(redis_url, klaviyo_url).items():
        patch.setenv(name, value)
    settings_of_process.cache_clear()


def record_requests(patch: pytest.MonkeyPatch, recording: Recording) -> None:
    send = Transport.send

    def recorded(self: Transport, method: str, path: str, query: str = "", body: bytes | None = None) -> Answer:
        answer = send(self, method, path, query, body)
        recording.look_at_klaviyo()
        return answer

    patch.setattr(Transport, "send", recorded)


def busy_run(redis: Redis, recording: Recording) -> None:
    """Two audiences fill, overlap, lose people, bury one and dig him out again."""

    def say(sent: Message) -> None:
        for acceptance in sent.acceptances(POLICY, now_ms()):
            accept(redis, acceptance, now_ms())
        recording.accepted.append((recording.length(), sent))

    def work() -> None:
        let_time_pass(redis)
        tick(redis, settings.load().connections, now_ms())
        for batch_id in open_batches(redis):
            deliver(batch_id)

    hopeless = f"{HOPELESS}blocked@{DOMAIN}"
    say(Message((*message("1", "add", range(4)).changes, ("1", "add", hopeless))))
    say(message("2", "add", range(3)))
    work()
    say(message("1", "remove", [1, 2]))
    say(message("1", "add", range(10, 13)))
    say(message("2", "remove", [0]))
    work()
    say(message("2", "add", [0, 7, 8]))
    work()
    work()
    letters = [letter.id for letter in dead_letters.read(redis, queue_of("1"))]
    assert dead_letters.replay(redis, queue_of("1"), letters, now_ms()).replayed == 1
    pending.flush(redis, queue_of("1"), now_ms())
    work()
    work()


def test_the_ledger_recovers_from_every_state_it_passed_through(
    recording: Recording, redis: Redis, redis_url: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, redis_url, url)
    connections = settings.load().connections
    klaviyo = Account(url)
    units = aof.units(aof.log_of(recording.folder))
    states, recovered = 0, set()
    for number, end, then in states_of(units, recording):
        redis.flushall()
        restore(recording.world, then)
        aof.replay(redis, units[:number])
        log.warning("after %d of %d units, %d bytes", number, len(units), end)
        model = recording.model(end)
        assert oracle.conservation(redis, model) == []
        states += 1
        if (start := where_recovery_starts(redis, then)) in recovered:
            continue
        recovered.add(start)
        recover(redis, connections)
        oracle.check(redis, klaviyo, model)
    klaviyo.close()
    settings_of_process.cache_clear()
    assert states > 80, f"the run passed through {states} states only"
    assert len(recovered) > 40, f"recovery started at {len(recovered)} states only"


def where_recovery_starts(redis: Redis, then: Snapshot) -> tuple[bytes, ...]:
    """Equal for states that differ only in what recovery ends first, as a lease, or never reads. Ends it."""
    let_time_pass(redis)
    kept = sorted(key for key in redis.scan_iter("*", 1000) if not key.startswith(NEVER_READ))
    with redis.pipeline(transaction=False) as pipe:
        for key in kept:
            pipe.dump(key)
        return pickle.dumps(then), *kept, *pipe.execute()


def states_of(units: list[aof.Unit], recording: Recording) -> Iterator[tuple[int, int, Snapshot]]:
    """Each state of the ledger (units, length of the log) with each state that Klaviyo was in meanwhile."""
    ends = [(0, 0)] + [(i, unit.end) for i, unit in enumerate(units, 1) if unit.touches_the_ledger]
    for (number, end), (_, next_end) in zip(ends, [*ends[1:], (0, units[-1].end + 1)], strict=True):
        before = [then for length, then in recording.worlds if length <= end]
        meanwhile = [then for length, then in recording.worlds if end < length < next_end]
        for then in [*before[-1:], *meanwhile]:
            yield number, end, then


def test_a_log_that_breaks_off_anywhere_holds_whole_transitions_only(recording: Recording, tmp_path: Path) -> None:
    seed = random.randrange(1000)
    log.warning("seed %d", seed)
    whole = aof.log_of(recording.folder).stat().st_size
    for cut in sorted(random.Random(seed).sample(range(whole), 10)):
        log.warning("cut after %d of %d bytes", cut, whole)
        folder = tmp_path / str(cut)
        shutil.copytree(recording.folder / "appendonlydir", folder / "appendonlydir")
        with aof.log_of(folder).open("rb+") as file:
            file.truncate(cut)
        process, url = start_server(folder, *aof.OPTIONS, "--aof-load-truncated", "yes")
        with Redis.from_url(url) as redis:
            broken = oracle.conservation(redis, recording.model(cut))
        process.kill()
        process.wait(30)
        assert broken == []
