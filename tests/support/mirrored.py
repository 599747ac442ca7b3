"""An audience whose list is made equal to snapshots, a worker in this process, and Klaviyo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from redis import Redis

from emulator.world import World
from queues import dead_letters, holds, keys, pending
from queues.census import count
from queues.clock import now_ms
from queues.holds import Hold
from queues.snapshots import members, orders
from queues.snapshots.orders import Format, Record, SnapshotOrder
from tests.support import oracle
from tests.support.emulator_api import Api, row
from tests.support.local_system import LocalSystem, lift_limits, local_system
from tests.support.recovery import recover
from tests.support.snapshot_audience import FACTS, NAME, QUEUE, SYNCS

_IMPORTS = "/api/profile-bulk-import-jobs"


class Mirrored:
    """One audience. Times are the CDP's, in ms."""

    def __init__(self, system: LocalSystem) -> None:
        self.system, self.redis, self.klaviyo = system, system.redis, system.klaviyo
        self.at = now_ms() - 1_000_000

    def later(self) -> int:
        """A second on."""
        self.at += 1_000
        return self.at

    def send(self, *people: str | dict[str, Any], **order: Any) -> str:
        """Submit a snapshot of these people; a text is an address. `order`: of it. Its id."""
        rows = [{"email": person} if isinstance(person, str) else person for person in people]
        return self.send_body(b"".join(msgspec.json.encode(row) + b"\n" for row in rows), "ndjson", **order)

    def send_body(self, body: bytes, form: Format, **order: Any) -> str:
        """Submit a snapshot as it comes."""
        name = orders.new_id(SYNCS)
        for number, start in enumerate(range(0, max(1, len(body)), orders.PIECE)):
            orders.stage(self.redis, name, number, orders.compress(body[start : start + orders.PIECE]))
        told = SnapshotOrder(name, **{"at": self.later(), "format": form, **order})
        orders.submit(self.redis, SYNCS, Record(str(SYNCS), told, now_ms(), len(body)), FACTS, now_ms())
        return name

    def settle(self) -> None:
        """Bring everything to its end."""
        recover(self.redis, self.system.connections)
        assert oracle.balance(self.redis) == []

    def sync(self, *people: str | dict[str, Any], **order: Any) -> Record:
        """Submit a snapshot and bring everything to its end."""
        name = self.send(*people, **order)
        self.settle()
        return self.record(name)

    def record(self, name: str) -> Record:
        """How a snapshot went."""
        found = orders.record(self.redis, name)
        assert found is not None
        return found

    def members(self) -> set[str]:
        """Who is on the list."""
        return self.klaviyo.members(NAME)

    def known(self) -> set[str]:
        """Who is by the membership ledger."""
        buckets = members.read(self.redis, QUEUE, range(members.BUCKETS)).values()
        return {next(iter(members.identifiers(member).values())) for bucket in buckets for member in bucket.members}

    def calls(self, path: str = "/api/", method: str = "") -> list[dict[str, Any]]:
        """What Klaviyo was asked."""
        journal = self.klaviyo.journal(bodies=True)
        return [call for call in journal if call["path"].startswith(path) and method in ("", call["method"])]

    def imported(self) -> list[dict[str, Any]]:
        """The attributes of every row of every import, in order."""
        bodies = [call["body"]["data"]["attributes"] for call in self.calls(_IMPORTS, "POST")]
        return [row["attributes"] for body in bodies for row in body["profiles"]["data"]]

    def hold(self) -> Hold | None:
        """The hold on the snapshots."""
        return holds.of_queue(self.redis, SYNCS)

    def letters(self) -> dict[str, str]:
        """Details of the dead snapshots by reason."""
        return {letter.reason: letter.detail.get("detail", "") for letter in dead_letters.read(self.redis, SYNCS)}

    def dead(self) -> list[str]:
        """Reasons of the dead changes of the audience."""
        return [letter.reason for letter in dead_letters.read(self.redis, QUEUE)]

    def superseded(self) -> int:
        """Snapshots that others have overtaken."""
        return count(self.redis, [SYNCS])[0].superseded

    def left_over(self) -> list[str]:
        """What no snapshot that has ended leaves behind."""
        left = [key.decode() for part in ("body", "roster") for key in self.redis.scan_iter(f"ferry:*:s:*:{part}")]
        watched = self.redis.hexists(keys.queue(QUEUE), "watching") or self.redis.exists(keys.queue(QUEUE, "recent"))
        return [*left, *(["its audience is watched"] if watched else [])]

    def on_list(self, *profiles: dict[str, str]) -> None:
        """Somebody has put these people on the list in Klaviyo, by hand."""
        with Api(self.klaviyo.url) as api:
            named = self.system.world.lists.named(NAME)
            list_id = named[0].id if named else api.make_list(NAME)
            assert api.start_import([row(**profile) for profile in profiles], list_id).status_code == 202

    def off_list(self, email: str) -> None:
        """Somebody has taken a person off the list in Klaviyo, by hand."""
        world = self.system.world
        person = world.profiles.find("email", email)
        assert person is not None
        world.lists.leave(world.lists.named(NAME)[0], [person.id])

    def waiting(self) -> int:
        """Changes of the audience that are not taken."""
        (look,) = pending.look(self.redis, [QUEUE])
        return look.waiting.pending


@contextmanager
def mirrored(redis: Redis, redis_url: str, patch: pytest.MonkeyPatch, **more: str) -> Iterator[Mirrored]:
    """A system of one process with an empty account. `more`: settings."""
    lift_limits(patch)
    more = {"FERRY_FLUSH_SIZE": "100", **more}
    with local_system(redis, redis_url, World(job_seconds=0, limits_off=True), patch, **more) as system:
        yield Mirrored(system)
