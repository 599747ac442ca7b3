"""One Klaviyo account in memory: its people, lists and jobs, and the switches of the emulator."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import assert_never

from emulator import importing, subscribing, suppressing, tracking
from emulator.auth import Keys
from emulator.clashes import Identity, People
from emulator.events import Events
from emulator.faults import Faults
from emulator.jobs import Jobs
from emulator.journal import Journal
from emulator.limits import Limits
from emulator.lists import Lists
from emulator.profiles import Profiles
from emulator.work import Erasure, ImportJob, Joining, Subscription, SuppressionJob, Task, Tracking, Unsubscription

ACCOUNT_ID = "EmULat"
SMS_REGIONS = frozenset({"US", "CA", "GB"})


class World:
    """The state of the emulator. `job_seconds`: how long a task takes; `now`: the clock, epoch seconds."""

    def __init__(
        self, *, job_seconds: float = 2.0, limits_off: bool = False, now: Callable[[], float] = time.time
    ) -> None:
        self.now = now
        self._job_seconds = job_seconds
        self._limits_off = limits_off
        self.reset()

    def reset(self) -> None:
        """Restore the initial state: an empty account, no faults, no keys, an empty journal, the initial settings."""
        self.profiles = Profiles()
        self.lists = Lists()
        self.events = Events()
        self.jobs = Jobs(self._job_seconds)
        self.keys = Keys()
        self.limits = Limits(off=self._limits_off)
        self.faults = Faults()
        self.journal = Journal()
        #: The regions, such as US, that the account can send SMS to.
        self.sms_regions = SMS_REGIONS
        self.test_account = True
        self.identity = Identity()

    @property
    def people(self) -> People:
        """The account's people, for writing profiles."""
        return People(self.profiles, self.lists, self.events, self.identity)

    def catch_up(self) -> None:
        """Carry out all due tasks; called before every request, so that no timer is needed."""
        now = self.now()
        for task in self.jobs.due(now):
            self._carry_out(task, now)
        self.jobs.forget(now)

    def _carry_out(self, task: Task, now: float) -> None:
        match task:
            case ImportJob():
                importing.carry_out(task, self.people, now)
            case Joining():
                importing.join(task.job, self.profiles, self.lists, now)
            case Subscription():
                subscribing.subscribe(task, self.people, now)
            case Unsubscription():
                subscribing.unsubscribe(task, self.profiles, self.lists, self.journal, now)
            case SuppressionJob():
                suppressing.carry_out(task, self.profiles, self.lists, now)
            case Tracking():
                tracking.carry_out(task, self.people, now)
            case Erasure():
                self._erase(task.profile_id)
            case _:
                assert_never(task)

    def _erase(self, profile_id: str) -> None:
        """Delete a person; one whose deletion was requested twice is gone already."""
        person = self.profiles.by_id.get(profile_id)
        if person is None:
            return
        for item in self.lists.of_profile(profile_id):
            self.lists.leave(item, [profile_id])
        self.events.forget(profile_id)
        self.profiles.delete(person)
