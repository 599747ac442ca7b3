"""The connections, and the rights of their keys."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from redis import Redis

from configuration.connections import OF_ACCOUNT, Connection, UnknownConnection
from configuration.settings import Settings
from klaviyo.accounts import Rights
from ops.connections.keys import Key, examine, key_or_why
from ops.documents.fields import Count
from ops.errors import Failed
from queues.census import Census, take_census
from queues.counts import QueueCount
from queues.holds import Hold
from text.wording import moment, without_people

#: Keys examined at the same time: each has its own limits.
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class FoundConnection:
    """A connection. `connection`: None if only its queues are left. `trouble`: why there are no rights to show.

    If Klaviyo was not asked, there are neither rights nor trouble.
    """

    name: str
    connection: Connection | None
    hold: Hold | None
    audiences: list[QueueCount]
    key: Key | None = field(default=None, repr=False)
    rights: Rights | None = None
    trouble: str = ""


def found(redis: Redis, known: Settings, asking: bool = True) -> list[FoundConnection]:
    """Return every connection that is configured, was added, or has a queue; `asking`: whether keys are tested."""
    census = take_census(redis)
    names = {connection.name for connection in known.connections} | {each.queue.connection for each in census.queues}
    keys = {name: key_or_why(redis, known, name) for name in sorted(names)}
    tried = {key.value for key in keys.values() if isinstance(key, Key)}
    rights = _examined(redis, known, tried) if asking else {}
    return [_line(known, census, name, key, rights) for name, key in keys.items()]


def _examined(redis: Redis, known: Settings, keys: Iterable[str]) -> dict[str, Rights | str]:
    def seen(key: str) -> tuple[str, Rights | str]:
        try:
            return key, examine(redis, known, key)
        except Failed as fault:
            return key, fault.message

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(pool.map(seen, keys))


def _line(
    known: Settings, census: Census, name: str, key: Key | str, rights: dict[str, Rights | str]
) -> FoundConnection:
    seen = rights.get(key.value, "") if isinstance(key, Key) else key
    try:
        connection = known.connections.named(name)
    except UnknownConnection:
        connection = None
    return FoundConnection(
        name,
        connection,
        census.holds.get(name),
        [each for each in census.queues if each.queue.connection == name and each.queue.kind == "audience"],
        key if isinstance(key, Key) else None,
        None if isinstance(seen, str) else seen,
        seen if isinstance(seen, str) else "",
    )


class AccountDocument(Struct, frozen=True):
    """The Klaviyo account of a key; null for what the key may not read."""

    id: str | None
    name: str | None
    test: bool | None


class LearntDocument(Struct, frozen=True):
    """A key that came with a message."""

    fingerprint: str
    since: str | None
    sender: Annotated[str | None, Meta(description="The sender of the message.")]
    before: Annotated[str | None, Meta(description="Fingerprint of the previous key.")]
    named_by_settings: Annotated[bool, Meta(description="The settings name the connection, and may also have a key.")]


class PolicyDocument(Struct, frozen=True):
    """When a queue of the connection is flushed."""

    size: Count
    minutes: float
    upload_max: Count


class AudienceDocument(Struct, frozen=True):
    """An audience, and its Klaviyo list."""

    id: str
    name: str | None
    list_id: str | None


class ConnectionDocument(Struct, frozen=True):
    """A connection."""

    name: str
    account: Annotated[AccountDocument | None, Meta(description="With check.")]
    key: Annotated[Literal["CDP", "environment", "kept"] | None, Meta(description="Where the key comes from.")]
    learnt: Annotated[
        LearntDocument | None,
        Meta(description="For a key that came with a message: its fingerprint and that of the previous key."),
    ]
    scopes: Annotated[dict[str, bool | None] | None, Meta(description="With check.")]
    trouble: Annotated[str | None, Meta(description="What is wrong with the key, with the remedy.")]
    policy: PolicyDocument | None
    audiences: list[AudienceDocument]
    held: Annotated[str | None, Meta(description="The reason of the hold; null if it is not held.")]


def document(line: FoundConnection) -> ConnectionDocument:
    """Return the document of a connection."""
    rights, policy = line.rights, line.connection.policy if line.connection else None
    account = rights.account if rights else None
    return ConnectionDocument(
        line.name,
        AccountDocument(account.id, account.name, account.test_account) if account else None,
        line.key.origin if line.key else None,
        _learnt(line),
        dict(rights.scopes) if rights else None,
        line.trouble or None,
        PolicyDocument(policy.size, policy.age_ms / 60_000, policy.upload_max) if policy else None,
        [AudienceDocument(each.queue.target, each.name or None, each.list_id) for each in line.audiences],
        without_people(line.hold.reason) if line.hold else None,
    )


def _learnt(line: FoundConnection) -> LearntDocument | None:
    known = line.key.learnt if line.key else None
    if known is None:
        return None
    return LearntDocument(
        known.fingerprint,
        moment(known.since) if known.since else None,
        known.sender or None,
        known.before or None,
        OF_ACCOUNT.fullmatch(line.name) is None,
    )
