"""`ferry senders`: list the senders, what each may post, and how much it posted."""

from __future__ import annotations

from typing import Any

import click
from redis import Redis

from commands.options import json_option, var_option
from configuration import settings
from configuration.connections import UnknownConnection
from configuration.senders import Sender
from configuration.settings import Settings
from ops.ledger import ledger
from ops.output import complain, console, print_json, table
from queues import senders as sender_uses
from queues.connections import accounts
from text.wording import moment, number


@click.command("senders")
@json_option
@var_option
def senders(as_json: bool) -> None:
    """List the senders: what each may post, and its last use.

    Shows each sender's routes, connections, accounts, rate and origins, its requests and the refused ones. Senders of
    [senders] in connections.toml have a scope; those of FERRY_TOKENS may post everywhere, and those of
    FERRY_SEGMENT_SECRETS sign what they post to /v1/segment. The figures are up to a minute old.

    \b
    Examples:
      ferry senders
      ferry senders --json
    """
    known = settings.load()
    with ledger(known) as redis:
        known.connections.include(accounts.with_key(redis))
        found = [document(redis, known, each) for each in known.every_sender]
    if as_json:
        print_json(found)
        return
    made = table(
        "Sender",
        "Routes",
        "Connections",
        "mParticle accounts",
        "Rate",
        "Keys",
        "Origins",
        "Last use",
        "Requests",
        "Refused",
    )
    for each in found:
        made.add_row(*_row(each))
    console().print(made)
    for each in found:
        for name in each["unknown_connections"]:
            complain(f"Warning: {each['name']} names the connection {name}, which does not exist.")


def document(redis: Redis, known: Settings, sender: Sender) -> dict[str, Any]:
    """Return a sender for programs; null where it has no limit. Raises redis.RedisError."""
    use, rate = sender_uses.read(redis, sender.name), sender.rate
    return {
        "name": sender.name,
        "routes": _sorted(sender.routes),
        "connections": _sorted(sender.connections),
        "mparticle_accounts": _sorted(sender.mparticle_accounts),
        "rate": {"per_second": rate.per_second, "burst": rate.amount} if rate else None,
        "accept_keys": sender.accept_keys,
        "allowed_origins": sorted(sender.allowed_origins),
        "last_use": moment(use.last),
        "requests": use.requests,
        "refused": dict(use.refused),
        "unknown_connections": [name for name in sorted(sender.connections or ()) if not _is_known(known, name)],
    }


def _sorted(values: frozenset[Any] | None) -> list[Any] | None:
    return None if values is None else sorted(values)


def _is_known(known: Settings, name: str) -> bool:
    try:
        known.connections.named(name)
    except UnknownConnection:
        return False
    return True


def _row(sender: dict[str, Any]) -> list[str]:
    rate = sender["rate"]
    return [
        sender["name"],
        *(_all(sender[name]) for name in ("routes", "connections", "mparticle_accounts")),
        f"{number(rate['per_second'])}/s, {number(rate['burst'])} at once" if rate else "any",
        "may set all" if sender["accept_keys"] else "of accounts",
        ", ".join(sender["allowed_origins"]) or "none",
        sender["last_use"] or "never",
        number(sender["requests"]),
        ", ".join(f"{number(times)} {lack}" for lack, times in sorted(sender["refused"].items())) or "none",
    ]


def _all(values: list[Any] | None) -> str:
    return "all" if values is None else ", ".join(map(str, values))
