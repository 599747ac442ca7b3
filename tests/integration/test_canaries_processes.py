"""Real processes handle marked people, keys and tokens, and write nothing of them."""

from __future__ import annotations

import signal
from pathlib import Path

import requests
from redis import Redis

from emulator.server import running
from queues import keys, pending
from tests.support import canaries as c
from tests.support.group import Group
from tests.support.intake import Intake
from tests.support.intake_redis import server
from tests.support.marked_hearing import post_all, said
from tests.support.marked_messages import SOUND
from tests.support.ops import ferry_process
from tests.support.sessions import members
from tests.support.waiting import until

#: Of the ledger itself; a sender never learns it, and no log either.
PASSWORD = f"{c.MARK}-password"


def test_real_processes_write_nothing_of_it_whatever_happens_to_them(tmp_path: Path) -> None:
    names = ("web", "scheduler", "worker")
    with running(job_seconds=0.2, limits_off=True) as klaviyo, server(tmp_path) as (process, url):
        redis = Redis.from_url(url)
        redis.config_set("requirepass", PASSWORD)
        url += f"?password={PASSWORD}"
        environment = {
            "REDIS_URL": url,
            "KLAVIYO_BASE_URL": klaviyo,
            "KLAVIYO_API_KEY": c.API_KEY,
            "FERRY_TOKENS": f"mparticle:{c.TOKEN}",
            "FERRY_SECRET_KEY": c.SECRET,
            "FERRY_FLUSH_SIZE": "1",
            "FERRY_LOG_LEVEL": "DEBUG",
            "FERRY_VAR": str(tmp_path),
            "PYTHONDEVMODE": "1",
        }
        with Group(environment, tmp_path, *names) as group:
            intake = Intake(group.port)
            order = {"fault": "stall", "seconds": 2, "match": {"path": "/api/profile-bulk-import-jobs"}}
            requests.post(f"{klaviyo}/_emulator/faults", json=order, timeout=30).raise_for_status()
            answers = post_all(intake)
            until(lambda: len(members(group.pid("worker"))) > 1)
            group.send_all("worker", signal.SIGTERM)
            until(lambda: not group.runs("worker"))
            group.revive()
            until(lambda: settled(redis))
            assert c.leaks(redis) == {}
            told = ferry_process(url, tmp_path, "dead", "list", **environment)
            before = {name: len(group.log(name)) for name in names}
            process.kill()
            process.wait(30)
            answers += [intake.post(path, body, token=c.TOKEN) for path, body in SOUND]
            until(lambda: all(len(group.log(name)) > before[name] for name in names), "each notices that Redis is gone")
            group.terminate_all()
            written = {name: group.log(name) for name in names}
        redis.close()
    assert said(answers) == []
    assert not c.marks(told.stdout + told.stderr)
    assert [line for log in written.values() for line in log.splitlines() if c.marks(line)] == []
    assert all(len(log.splitlines()) > 2 for log in written.values())
    assert "get_lists: 200" in written["worker"], "Klaviyo's client speaks at this level"


def settled(redis: Redis) -> bool:
    queues = pending.all_queues(redis)
    counts = [redis.hmget(keys.queue(queue), "open", "delivered") for queue in queues]
    waiting = sum(redis.llen(keys.queue(queue, "pending")) for queue in queues)
    return not waiting and all(opened in (b"0", None) for opened, _ in counts) and any(done for _, done in counts)
