"""`ferry connections list`: list the connections and test their keys."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.table import Table
from rich.text import Text

from commands.connections.ask_for_key import in_short
from commands.options import json_option, var_option
from klaviyo.accounts import KlaviyoAccount, Rights
from ops.client.installation import installation
from ops.connections.found import ConnectionDocument, LearntDocument
from ops.connections.keys import titled
from ops.output import complain, console, print_json, table
from queues.counts import named
from queues.names import Queue
from text.escaping import visible
from text.wording import duration, number, some


@click.command("list")
@json_option
@var_option
def list_(as_json: bool) -> None:
    """List the connections: account, key, scopes, flush policy, audiences and hold.

    Tests every key with Klaviyo; writes nothing there.

    \b
    Examples:
      ferry connections list
    """
    with installation() as ferry:
        found = ferry.connections()
    if as_json:
        print_json(found)
    else:
        console().print(listing(found))
        for line in learnt_lines(found):
            complain(line)


def listing(connections: Iterable[ConnectionDocument]) -> Table:
    """Return a table with a row for each connection."""
    made = table("Connection", "Account", "Key", "Scopes", "Flushed at", "Audiences", "Held")
    for each in connections:
        policy, account = each.policy, _account(each)
        made.add_row(
            each.name,
            titled(account) if account else Text(visible(each.trouble or ""), style="bold red"),
            each.key or "",
            in_short(Rights(account, each.scopes or {})) if account else "",
            f"{number(policy.size)} or {duration(round(policy.minutes * 60_000))}" if policy else "",
            _audiences(each),
            Text(visible(each.held or ""), style="bold red"),
        )
    return made


def learnt_lines(connections: Iterable[ConnectionDocument]) -> list[str]:
    """Return a warning for each connection whose key from a message overrides the key of the settings."""
    return [
        f"Warning: {each.name} uses a key that came with a message (fingerprint {known.fingerprint}, "
        f"{_whence(known)}), not the key of the settings. If this was not intended: "
        f"ferry connections undo-key {each.name}"
        for each in connections
        if (known := each.learnt) and known.named_by_settings
    ]


def _whence(learnt: LearntDocument) -> str:
    if learnt.sender:
        return f"from sender {learnt.sender}, since {learnt.since}"
    return f"since {learnt.since}" if learnt.since else "source not recorded"


def _account(connection: ConnectionDocument) -> KlaviyoAccount | None:
    found = connection.account
    return KlaviyoAccount(found.id, found.test, found.name) if found else None


def _audiences(connection: ConnectionDocument) -> str:
    queues = [(Queue(connection.name, "audience", each.id), each.name) for each in connection.audiences]
    return some([named(queue, name) for queue, name in queues], 3)
