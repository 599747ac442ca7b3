"""The connections there are, and what Klaviyo says of their keys."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from redis import Redis

from configuration.connections import OF_ACCOUNT, Connection, UnknownConnection
from configuration.settings import Settings
from klaviyo.rights import Rights
from ops.connections.keys import Key, examine, key_or_why
from ops.errors import Failed
from queues.census import Census, take_census
from queues.counts import QueueCount
from queues.holds import Hold
from text.wording import moment

#: Keys examined at the same time: each has limits of its own.
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One connection. `connection`: None where only its queues are left. `trouble`: why there are no rights to show.

    Where Klaviyo was not asked there are neither.
    """

    name: str
    connection: Connection | None
    hold: Hold | None
    audiences: list[QueueCount]
    key: Key | None = field(default=None, repr=False)
    rights: Rights | None = None
    trouble: str = ""


def found(redis: Redis, known: Settings, asking: bool = True) -> list[Line]:
    """Every connection that is configured, was added, or has a queue; `asking`: Klaviyo, what each key may do."""
    census = take_census(redis)
    names = {connection.name for connection in known.connections} | {each.queue.connection for each in census.queues}
    keys = {name: key_or_why(redis, known, name) for name in sorted(names)}
    tried = {key.value for key in keys.values() if isinstance(key, Key)}
    rights = _examined(redis, known, tried) if asking else {}
    return [_line(known, census, name, key, rights) for name, key in keys.items()]


def _examined(redis: Redis, known: Settings, keys: Iterable[str]) -> dict[str, Rights | str]:
    def told(key: str) -> tuple[str, Rights | str]:
        try:
            return key, examine(redis, known, key)
        except Failed as fault:
            return key, fault.message

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(pool.map(told, keys))


def _line(known: Settings, census: Census, name: str, key: Key | str, rights: dict[str, Rights | str]) -> Line:
    told = rights.get(key.value, "") if isinstance(key, Key) else key
    try:
        connection = known.connections.named(name)
    except UnknownConnection:
        connection = None
    return Line(
        name,
        connection,
        census.holds.get(name),
        [each for each in census.queues if each.queue.connection == name and each.queue.kind == "audience"],
        key if isinstance(key, Key) else None,
        None if isinstance(told, str) else told,
        told if isinstance(told, str) else "",
    )


def document(line: Line) -> dict[str, Any]:
    """A connection, for programs."""
    rights, policy = line.rights, line.connection.policy if line.connection else None
    return {
        "name": line.name,
        "account": {"id": rights.account.id, "name": rights.account.name, "test": rights.account.test_account}
        if rights
        else None,
        "key": line.key.origin if line.key else None,
        "learnt": _learnt(line),
        "scopes": dict(rights.scopes) if rights else None,
        "trouble": line.trouble or None,
        "policy": {"size": policy.size, "minutes": policy.age_ms / 60_000, "upload_max": policy.upload_max}
        if policy
        else None,
        "audiences": [
            {"id": each.queue.target, "name": each.name or None, "list_id": each.list_id} for each in line.audiences
        ],
        "held": line.hold.reason if line.hold else None,
    }


def _learnt(line: Line) -> dict[str, Any] | None:
    """Of a key that a message brought: which, since when and from whom; whether settings name the connection."""
    known = line.key.learnt if line.key else None
    if known is None:
        return None
    return {
        "fingerprint": known.fingerprint,
        "since": moment(known.since) if known.since else None,
        "sender": known.sender or None,
        "before": known.before or None,
        "named_by_settings": OF_ACCOUNT.fullmatch(line.name) is None,
    }
