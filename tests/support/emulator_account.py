"""An account of the emulator under one of its switches, without HTTP."""

from __future__ import annotations

from emulator.clashes import Clash
from emulator.profiles import Profile
from emulator.work import Tracking
from emulator.world import World
from tests.support.emulator_api import event, row

NOW = 1_800_000_000.0
PHONE, OTHER_PHONE = "+12025550123", "+12025550124"
#: One value of every identifier, by Klaviyo's rank, highest first.
VALUES = {"external_id": "x", "email": "a@example.com", "phone_number": PHONE, "_kx": "k", "anonymous_id": "n"}


class Account:
    """A world whose clock stands still and whose jobs take no time."""

    def __init__(self, clash: Clash, *, multi_email: bool = False) -> None:
        self.world = World(job_seconds=0, now=lambda: NOW)
        self.world.identity.clash = clash
        self.world.identity.multi_email = multi_email

    def write(self, profile_id: str | None = None, /, **attributes: object) -> Profile:
        """Write a row as a single call does, by its id if there is one."""
        profile = {**row(**attributes), "id": profile_id}
        return self.world.people.upsert(profile, NOW, clear_nulls=False)[0]

    def put(self, person: Profile, *names: str) -> None:
        """Put a person on the lists of these names."""
        for name in names:
            found = self.world.lists.named(name)
            target = found[0] if found else self.world.lists.create(name, "single_opt_in", NOW)
            self.world.lists.join(target, [person.id], NOW)

    def lists(self, person: Profile) -> list[str]:
        """The names of the lists a person is on."""
        return [item.name for item in self.world.lists.of_profile(person.id)]

    def track(self, unique_id: str, **attributes: object) -> None:
        """Record an event of whom the identifiers find."""
        events = [(row(**attributes), event(unique_id=unique_id)["attributes"])]
        self.world.jobs.accept(Tracking(created=NOW, events=events))
        self.world.catch_up()

    def events(self) -> list[tuple[str, str]]:
        """(profile id, unique id) of every event."""
        return [(found.profile_id, found.unique_id) for found in self.world.events.of_metric(None)]

    def find(self, field: str, value: str) -> Profile | None:
        """Who has this identifier."""
        return self.world.profiles.find(field, value)

    def everybody(self) -> list[Profile]:
        """All profiles, in the order of their ids."""
        return list(self.world.profiles.by_id.values())
