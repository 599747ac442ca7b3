"""One audience that gets snapshots and single changes, and what must hold of its list and its membership ledger."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import requests
from redis import Redis

from queues import dead_letters, keys, pending
from queues.acceptance import Acceptance, accept
from queues.change import Action, Body, encode, person_key
from queues.clock import now_ms
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.snapshots import members, orders
from queues.snapshots.orders import Record, SnapshotOrder
from tests.support import oracle
from tests.support.group import Group
from tests.support.klaviyo import Account
from tests.support.model import list_name, queue_of
from tests.support.waiting import apart

AUDIENCE = "42"
QUEUE = queue_of(AUDIENCE)
SYNCS = orders.queue_of("default", AUDIENCE)
NAME = list_name(AUDIENCE)
FACTS = msgspec.json.encode({"name": NAME})
#: The attribute that single changes and snapshots speak of.
PLAN = "plan"


def single(redis: Redis, policy: FlushPolicy, email: str, on: bool | None, at: int, plan: str | None = None) -> None:
    """Accept a change of one person. `on`: None for an update.

    `at`: the CDP's time in ms; `plan`: an attribute, not spoken of without one.
    """
    told = {"email": email, "attributes": {PLAN: plan} if plan else {}}
    action: Action = "update" if on is None else "add" if on else "remove"
    body = Body(action, at, "changes", "", msgspec.Raw(msgspec.json.encode(told)))
    change = encode((person_key("email", email),), now_ms(), body)
    accept(redis, Acceptance(QUEUE, policy, "", [change], audience=FACTS), now_ms())


def lines(rows: Iterable[tuple[str, str | None]]) -> bytes:
    """A snapshot of these people with their plan, as NDJSON; None clears it."""
    return b"".join(msgspec.json.encode({"email": email, PLAN: plan}) + b"\n" for email, plan in rows)


def snapshot(redis: Redis, body: bytes, at: int, **more: Any) -> str:
    """Have the list made equal to this NDJSON, whatever the guard thinks; the snapshot's id. `more`: of the order."""
    name = orders.new_id(SYNCS)
    for number, start in enumerate(range(0, len(body), orders.PIECE)):
        orders.stage(redis, name, number, orders.compress(body[start : start + orders.PIECE]))
    order = SnapshotOrder(name, at, "ndjson", **{"confirmed": True, "attributes": (PLAN,), **more})
    orders.submit(redis, SYNCS, Record(str(SYNCS), order, now_ms(), len(body)), FACTS, now_ms())
    pending.wake(redis)
    return name


def plans(klaviyo: Account) -> dict[str, str | None]:
    """The plan of everybody on the list, by address."""
    answer = requests.get(f"{klaviyo.url}/_emulator/lists/{NAME}/members", params={"full": "1"}, timeout=30)
    found = answer.json()["members"] if answer.ok else []
    return {person["email"]: person["properties"].get(PLAN) for person in found}


def known_members(redis: Redis) -> set[str]:
    """The addresses of those who are members by the membership ledger."""
    return {
        members.identifiers(member)["email"]
        for bucket in members.read(redis, QUEUE, range(members.BUCKETS)).values()
        for member in bucket.members
    }


def tended(redis: Redis, group: Group) -> list[str]:
    """What an operator sees to: processes run, what waits is uploaded, and letters of a worker's death go again.

    Returns the ids of those letters.
    """
    group.revive()
    for queue in pending.all_queues(redis):
        pending.flush(redis, queue, now_ms())
    letters = [letter.id for letter in dead_letters.read(redis, QUEUE)]
    dead_letters.replay(redis, QUEUE, letters, now_ms())
    apart(0.2)
    return letters


def assert_stands(redis: Redis, klaviyo: Account, members: set[str], last: set[str]) -> None:
    """The list and the ledger have these members, those of `last` have the last plan, and nothing is left anywhere."""
    assert klaviyo.members(NAME) == members
    assert known_members(redis) == members
    told = plans(klaviyo)
    assert {told[person] for person in last} == {"last"}
    wrong = [*oracle.balance(redis), *oracle.quiet(redis), *oracle.private(redis), *left_over(redis)]
    assert wrong == []


def left_over(redis: Redis, queue: Queue = QUEUE) -> list[str]:
    """What no snapshot that has ended may leave behind; nothing, when all is well."""
    left = [key.decode() for key in redis.scan_iter("ferry:*:s:*:body", 1000) if not _lapses(redis, key)]
    watching = redis.hget(keys.queue(queue), "watching")
    recent = redis.scard(keys.queue(queue, "recent"))
    return [
        *left,
        *(["a snapshot is still watched for"] if watching else []),
        *([f"{recent} persons"] if recent else []),
    ]


def _lapses(redis: Redis, body: bytes) -> bool:
    """Whether a body was staged for a snapshot that was never submitted, and so expires by itself."""
    return not redis.exists(body.removesuffix(b":body")) and redis.pttl(body) > 0
