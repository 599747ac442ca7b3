"""One Klaviyo account in memory: its people, lists and jobs, and the switches of the emulator."""

from __future__ import annotations

import time
from collections.abc import Callable

from emulator.auth import Keys
from emulator.faults import Faults
from emulator.importing import carry_out
from emulator.jobs import Jobs
from emulator.journal import Journal
from emulator.limits import Limits
from emulator.lists import Lists
from emulator.profiles import Profiles

ACCOUNT_ID = "EmULat"


class World:
    """Everything the emulator knows. `job_seconds`: how long an import job takes; `now`: the clock, epoch seconds."""

    def __init__(
        self, *, job_seconds: float = 2.0, limits_off: bool = False, now: Callable[[], float] = time.time
    ) -> None:
        self.now = now
        self._job_seconds = job_seconds
        self._limits_off = limits_off
        self.reset()

    def reset(self) -> None:
        """Back to the start: an empty account, no faults, no keys, an empty journal, the settings of the start."""
        self.profiles = Profiles()
        self.lists = Lists()
        self.jobs = Jobs(self._job_seconds)
        self.keys = Keys()
        self.limits = Limits(off=self._limits_off)
        self.faults = Faults()
        self.journal = Journal()

    def catch_up(self) -> None:
        """Carry out what is due by now; called before every request, so that no timer is needed."""
        now = self.now()
        for job in self.jobs.due(now):
            carry_out(job, self.profiles, self.lists, now)
        self.jobs.forget(now)
