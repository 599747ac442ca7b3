"""Files of people for one list, and who is on it and was taken off it in between, by profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from queues.names import Queue
from queues.snapshots import members
from queues.snapshots.orders import Counts, records
from tests.support.identity_messages import VIPS, rows, snapshot
from tests.support.identity_world import IdentityWorld

Person = Mapping[str, Any]


class Listed:
    """The audience 42 of a connection. `full`: everything of a row is sent."""

    def __init__(self, who: IdentityWorld, *, full: bool = True) -> None:
        self.who = who
        self.connection = "full" if full else "default"
        self.queue = Queue(self.connection, "audience", "42")

    def sync(self, *people: Person) -> set[str]:
        """Have the list made equal to these people; who is on it then. Nobody is taken off who is."""
        before = len(self._journal())
        self.who.send(rows(map(dict, people), connection=self.connection))
        assert not self.gone(before) & self.profiles(), "somebody was taken off who belongs on the list"
        return self.members()

    def sync_csv(self, header: str, *lines: str) -> set[str]:
        """The same of a file."""
        self.who.send(snapshot("\n".join([header, *lines]) + "\n", connection=self.connection))
        return self.members()

    def members(self) -> set[str]:
        """Who is on the list."""
        return self.who.members()

    def profiles(self) -> set[str]:
        """The ids of the profiles on the list."""
        lists = self.who.account.lists.named(VIPS)
        return set(lists[0].members) if lists else set()

    def known(self) -> set[str]:
        """By what the membership ledger has people."""
        found = members.read(self.who.redis, self.queue, range(members.BUCKETS)).values()
        return {member for bucket in found for member in bucket.members}

    def counts(self) -> Counts:
        """What the last snapshot came to."""
        of_snapshots = Queue(self.connection, "snapshot", "42")
        newest = records(self.who.redis, of_snapshots)[0]
        assert newest.counts is not None
        return newest.counts

    def gone(self, since: int = 0) -> set[str]:
        """The ids of the profiles that Klaviyo was asked to take off a list, from that request on."""
        asked = [call for call in self._journal()[since:] if call["method"] == "DELETE"]
        return {each["id"] for call in asked for each in call["body"]["data"]}

    def requests(self) -> int:
        """Requests that Klaviyo has got."""
        return len(self._journal())

    def imported(self, since: int) -> list[dict[str, Any]]:
        """The attributes of every row of every import, from that request on."""
        bodies = [
            call["body"] for call in self._journal()[since:] if call["path"].endswith("import-jobs") and call["body"]
        ]
        found = [body["data"]["attributes"]["profiles"]["data"] for body in bodies]
        return [each["attributes"] for rows in found for each in rows]

    def forget(self) -> None:
        """The memory of identities is lost, as where there was none before."""
        for key in self.who.redis.scan_iter(f"*id:{self.connection}:*"):
            self.who.redis.delete(key)

    def _journal(self) -> Sequence[dict[str, Any]]:
        found: list[dict[str, Any]] = self.who.klaviyo.get("/_emulator/requests").json()
        return found
