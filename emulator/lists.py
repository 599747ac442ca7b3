"""The lists of the account and their members."""

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
    """The membership of a profile; `joined` in epoch seconds, `place` in the order of joining."""

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
        """Return the value that a filter or a sort compares."""
        if field in ("created", "updated"):
            return stamp(self.created if field == "created" else self.updated)
        return self.name if field == "name" else self.id


class ListLimitError(Exception):
    """The account has the maximum number of lists."""


class Lists:
    """All lists, in the order of creation; names need not be unique.

    `default_opt_in`: the account's setting, for new lists and for subscriptions without a list.
    """

    def __init__(self) -> None:
        self.by_id: dict[str, MailingList] = {}
        self.default_opt_in: OptIn = DOUBLE_OPT_IN
        self._places = 0

    def create(self, name: str, opt_in_process: str, now: float) -> MailingList:
        """Return a new, empty list; raises `ListLimitError` if there are 1,000 already."""
        if len(self.by_id) >= MAX_LISTS:
            raise ListLimitError
        list_id = short_id()
        while list_id in self.by_id:
            list_id = short_id()
        created = MailingList(list_id, name, opt_in_process, now, now, {})
        self.by_id[list_id] = created
        return created

    def named(self, name: str) -> list[MailingList]:
        """Return every list of this name."""
        return [item for item in self.by_id.values() if item.name == name]

    def of_profile(self, profile_id: str) -> list[MailingList]:
        """Return the lists of a profile."""
        return [item for item in self.by_id.values() if profile_id in item.members]

    def join(self, target: MailingList, profile_ids: Iterable[str], now: float) -> None:
        """Add profiles; existing members keep their time of joining."""
        for profile_id in profile_ids:
            if profile_id not in target.members:
                self._places += 1
                target.members[profile_id] = Member(profile_id, self._places, now)

    def leave(self, target: MailingList, profile_ids: Iterable[str]) -> None:
        """Remove profiles from the list; those not on it are ignored."""
        for profile_id in profile_ids:
            target.members.pop(profile_id, None)
