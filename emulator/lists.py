"""The lists of the account and who is on them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from emulator.ids import short_id
from emulator.times import stamp

MAX_LISTS = 1_000
OptIn = Literal["single_opt_in", "double_opt_in"]
DOUBLE_OPT_IN: OptIn = "double_opt_in"


class Member(msgspec.Struct, frozen=True, gc=False):
    """That a profile is on a list; `joined` in epoch seconds, `place` the order of joining."""

    profile_id: str
    place: int
    joined: float


class MailingList(msgspec.Struct):
    """One list; times in epoch seconds, members by profile id in the order they joined."""

    id: str
    name: str
    opt_in_process: str
    created: float
    updated: float
    members: dict[str, Member]

    def value(self, field: str) -> str:
        """The value a filter or a sort compares."""
        if field in ("created", "updated"):
            return stamp(self.created if field == "created" else self.updated)
        return self.name if field == "name" else self.id


class ListLimitError(Exception):
    """Maximum number of lists exceeded."""


class Lists:
    """All lists, in the order of creation; names need not be unique.

    `default_opt_in`: the account's own setting, for new lists and for subscriptions to none.
    """

    def __init__(self) -> None:
        self.by_id: dict[str, MailingList] = {}
        self.default_opt_in: OptIn = DOUBLE_OPT_IN
        self._places = 0

    def create(self, name: str, opt_in_process: str, now: float) -> MailingList:
        """A new, empty list; raises `ListLimitError` at 1,000."""
        if len(self.by_id) >= MAX_LISTS:
            raise ListLimitError
        list_id = short_id()
        while list_id in self.by_id:
            list_id = short_id()
        created = MailingList(list_id, name, opt_in_process, now, now, {})
        self.by_id[list_id] = created
        return created

    def named(self, name: str) -> list[MailingList]:
        """Every list of this name."""
        return [item for item in self.by_id.values() if item.name == name]

    def of_profile(self, profile_id: str) -> list[MailingList]:
        """The lists a profile is on."""
        return [item for item in self.by_id.values() if profile_id in item.members]

    def join(self, target: MailingList, profile_ids: Iterable[str], now: float) -> None:
        """Add profiles; one who is on the list keeps the time of joining."""
        for profile_id in profile_ids:
            if profile_id not in target.members:
                self._places += 1
                target.members[profile_id] = Member(profile_id, self._places, now)

    def leave(self, target: MailingList, profile_ids: Iterable[str]) -> None:
        """Take profiles off the list; nothing happens to one who is not on it."""
        for profile_id in profile_ids:
            target.members.pop(profile_id, None)
