"""The table of docs/internals.md: the round trips to Redis that a delivery makes, by what they are for."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter

from queues import doorbell, keys
from queues.clock import now_ms
from tests.support import forked
from tests.support.paths import ROOT
from tests.support.world import World

#: What a round trip is for, by its commands; the first that fits.
PURPOSES = {
    "^(HELLO|AUTH|CLIENT|SELECT|PING)": "greeting of a connection",
    "ferry-rq": "RQ: the job is taken up, and ended",
    "ferry:limits": "limits on requests, two for each request",
    "renew": "lease before each request, which is counted with it",
    "reclaim|submit|settle|:changes": "batch: taken up, its changes, its progress, its end",
    "^HGET ferry:holds": "hold, key, settings of the CDP, account",
    "ferry:owners|^HMGET [^ ]*/audience/42 HMGET [^ ]*/audience/42$": "list and its owner",
    "identities:key|ferry:shared|newest|recall|known|said|ferry:claims|ferry:klaviyo|unclaim": "people remembered",
    "^HEXISTS": "members of the list, if they are kept",
    "ferry:wake|ferry:metrics": "schedulers woken, an import counted",
}


def purpose(line: str) -> str:
    return next((name for pattern, name in PURPOSES.items() if re.search(pattern, line)), line)


def talk(world: World, batch_id: str) -> list[str]:
    """Ring for a batch, and let a worker of another process answer; its round trips."""
    assert doorbell.ring(world.redis, [batch_id], now_ms()) == [batch_id]
    ended = forked.run([sys.executable, "-m", "tests.support.talking_worker"], os.environ, 120)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split("\n")


def of_delivery(lines: list[str]) -> Counter[str]:
    return Counter(purpose(line.removeprefix("delivery ")) for line in lines if line.startswith("delivery "))


def of_worker(lines: list[str]) -> int:
    """The round trips from one job's arrival until the worker waits for the next."""
    own = [line.removeprefix("worker ") for line in lines if line.startswith("worker ")]
    moves = [place for place, line in enumerate(own) if line.startswith("LMOVE")]
    return moves[1] - moves[0]


def test_of_a_job_that_ended_well_nothing_is_left(world: World) -> None:
    world.change("add", "ann@example.com")
    batch_id = world.take()
    talk(world, batch_id)
    left = [key.decode() for key in world.redis.scan_iter(f"{keys.RQ_PREFIX}*")]
    assert [key for key in left if batch_id in key or ":execution" in key] == []
    queue = doorbell.rq_queue(world.redis)
    assert (queue.started_job_registry.count, queue.failed_job_registry.count, queue.count) == (0, 0, 0)
    assert len(world.requests("/api/profile-bulk-import-jobs", "POST")) == 1, "it was carried out"


def test_a_delivery_makes_the_round_trips_that_the_documents_count(world: World) -> None:
    world.change("add", "first@example.com")
    world.deliver()
    world.change("add", *(f"{n}@example.com" for n in range(100)))
    batch_id = world.take()
    upload = talk(world, batch_id)
    world.redis.hset(keys.batch(batch_id), "lease", 0)
    poll = talk(world, batch_id)
    assert not world.redis.exists(keys.batch(batch_id)), "it is settled"
    page = (ROOT / "docs" / "internals.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| (\d+) \|$", page, re.MULTILINE)
    said = {name: (int(first), int(second)) for name, first, second in rows}
    counted = [of_delivery(upload), of_delivery(poll)]
    found = {name: (counted[0][name], counted[1][name]) for name in {*counted[0], *counted[1]}}
    found["worker around the job"] = (of_worker(upload), of_worker(poll))
    found["together"] = (sum(first for first, _ in found.values()), sum(second for _, second in found.values()))
    assert found == said
