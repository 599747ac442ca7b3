"""`ferry connections list`: each connection, and what Klaviyo says of its key."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import click
from redis import Redis
from rich.table import Table
from rich.text import Text

import settings
from connections import Connection, UnknownConnection
from klaviyo.rights import Rights
from ops.connections_key import Key, examine, key_of, titled
from ops.connections_scopes import in_short
from ops.errors import Failed
from ops.ledger import ledger
from ops.options import json_option, var_option
from ops.output import console, print_json, table
from ops.wording import called, number, span
from queues.census import Census, take_census
from queues.counts import QueueCount
from queues.errors import NoSecretKey, SecretKeyChanged
from queues.holds import Hold
from settings import Settings

#: Keys examined at the same time: each has limits of its own.
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One connection. `connection`: None where only its queues are left. `trouble`: why there are no rights to show."""

    name: str
    connection: Connection | None
    hold: Hold | None
    audiences: list[QueueCount]
    key: Key | None = field(default=None, repr=False)
    rights: Rights | None = None
    trouble: str = ""


@click.command("list")
@json_option
@var_option
def list_(as_json: bool) -> None:
    """List the connections: whose key each has, what the key may do, how it is flushed, whether it is held.

    Every key is tried with Klaviyo; nothing is written there.
    """
    known = settings.load()
    with ledger(known) as redis:
        lines = found(redis, known)
    if as_json:
        print_json([document(line) for line in lines])
    else:
        console().print(listing(lines))


def found(redis: Redis, known: Settings) -> list[Line]:
    """Every connection that is configured, was added, or has a queue."""
    census = take_census(redis)
    names = {connection.name for connection in known.connections} | {each.queue.connection for each in census.queues}
    keys = {name: _key(redis, known, name) for name in sorted(names)}
    rights = _examined(redis, known, {key.value for key in keys.values() if isinstance(key, Key)})
    return [_line(known, census, name, key, rights) for name, key in keys.items()]


def _key(redis: Redis, known: Settings, name: str) -> Key | str:
    """The key, or why there is none."""
    try:
        return key_of(redis, known, name) or f"no key: ferry connections add {name}"
    except UnknownConnection:
        return f"not configured any more; its queues are left: ferry connections add {name}"
    except (NoSecretKey, SecretKeyChanged) as fault:
        return str(fault)


def _examined(redis: Redis, known: Settings, keys: Iterable[str]) -> dict[str, Rights | str]:
    def told(key: str) -> tuple[str, Rights | str]:
        try:
            return key, examine(redis, known, key)
        except Failed as fault:
            return key, fault.message

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(pool.map(told, keys))


def _line(known: Settings, census: Census, name: str, key: Key | str, rights: dict[str, Rights | str]) -> Line:
    told = rights[key.value] if isinstance(key, Key) else key
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


def listing(lines: Iterable[Line]) -> Table:
    """A row for each connection."""
    made = table("Connection", "Account", "Key", "Scopes", "Flushed at", "Audiences", "Held")
    for line in lines:
        rights, policy = line.rights, line.connection.policy if line.connection else None
        names = ", ".join(called(each) for each in line.audiences[:3])
        more = len(line.audiences) - 3
        made.add_row(
            line.name,
            titled(rights.account) if rights else Text(line.trouble, style="bold red"),
            line.key.origin if line.key else "",
            in_short(rights) if rights else "",
            f"{number(policy.size)} or {span(policy.age_ms)}" if policy else "",
            f"{names} and {number(more)} more" if more > 0 else names,
            Text(line.hold.reason, style="bold red") if line.hold else "",
        )
    return made
