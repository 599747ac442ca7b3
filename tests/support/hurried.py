"""The `ferry` command with its times cut short, so that a soak of seconds sees what takes minutes in earnest.

The programs that a hurried `ferry up` starts are hurried, too. It forks them from itself, and so does a demo, whose
times are left as they are.

The proportions stay: a lease outlasts every request, and every freeze that the soak lets happen.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from types import SimpleNamespace

from commands.main import main
from klaviyo.endpoints import PUBLISHED, Quota
from local import group, supervisor
from tests.support.child import child

#: Module -> names there and their values, in ms where a name does not say otherwise.
TIMES: dict[str, dict[str, float]] = {
    "worker.delivery": {"LEASE_MS": 5_000},
    "worker.deliver": {"LEASE_MS": 5_000},
    "worker.audience.kind": {"FIRST_POLL_MS": 300},
    "worker.lists": {"LEASE_MS": 5_000},
    "worker.snapshots.run": {"LEASE_MS": 5_000},
    "worker.erasures.forget": {"LEASE_MS": 5_000},
    "worker.erasures.stored_changes": {"LEASE_MS": 5_000},
    "worker.events.profile": {"LEASE_MS": 5_000},
    "worker.errors": {"FIRST_POLL_MS": 300, "LAST_POLL_MS": 2_000, "FIRST_RETRY_MS": 200, "LAST_RETRY_MS": 2_000},
    "worker.queries.run": {"LEASE_MS": 5_000, "RENEW_S": 0.5, "BUSY_MS": 500},
    "scheduler.tick": {"RING_AGAIN_MS": 2_000},
    "scheduler.queries": {"RING_AGAIN_MS": 2_000},
    "scheduler.main": {"TICK_S": 1},
}
#: As much faster as the times are shorter; the emulator has no limits then.
FASTER = 20


def hurry() -> None:
    """Cut the times short in this process."""
    for name, values in TIMES.items():
        module = vars(import_module(name))
        assert values.keys() <= module.keys(), f"{name} has other times now"
        module.update(values)
    for endpoint, quota in PUBLISHED.items():
        PUBLISHED[endpoint] = Quota(quota.burst * FASTER, quota.steady * FASTER, quota.daily)


def _hurried(*words: str) -> list[str]:
    """The command of a program of `ferry up`; the emulator's import jobs take no time."""
    more = ("--job-seconds", "0") if words[0] == "emulator" else ()
    return [sys.executable, "-m", "tests.support.hurried", *words, *more]


if __name__ == "__main__":
    if sys.argv[1] in ("up", "demo"):
        vars(supervisor)["subprocess"] = SimpleNamespace(**{**vars(subprocess), "Popen": child})
    if sys.argv[1] == "up":
        group._ferry = _hurried
    elif sys.argv[1] != "demo":  # not in `up` itself: its programs would be hurried twice
        hurry()
    main(prog_name="ferry")
