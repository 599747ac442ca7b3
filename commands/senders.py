"""`ferry senders`: list the senders, what each may post, and how much it posted."""

from __future__ import annotations

from typing import Any

import click

from commands.options import json_option, var_option
from configuration import settings
from ops.ledger import ledger
from ops.output import complain, console, print_json, table
from ops.sender_list import sender_document
from queues.connections import accounts
from text.wording import number


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
        found = [sender_document(redis, known, each) for each in known.every_sender]
    if as_json:
        print_json(found)
        return
    made = table(
        "Sender",
        "Routes",
        "Connections",
        "mParticle accounts",
        "Rate",
        "Sets keys of",
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


def _row(sender: dict[str, Any]) -> list[str]:
    rate = sender["rate"]
    return [
        sender["name"],
        *(_all(sender[name]) for name in ("routes", "connections", "mparticle_accounts")),
        f"{number(rate['per_second'])}/s, {number(rate['burst'])} at once" if rate else "no limit",
        "any connection" if sender["accept_keys"] else "unconfigured ones",
        ", ".join(sender["allowed_origins"]) or "none",
        sender["last_use"] or "never",
        number(sender["requests"]),
        ", ".join(f"{number(times)} {lack}" for lack, times in sorted(sender["refused"].items())) or "none",
    ]


def _all(values: list[Any] | None) -> str:
    return "all" if values is None else ", ".join(map(str, values))
