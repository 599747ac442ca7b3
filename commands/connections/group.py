"""`ferry connections`: manage the Klaviyo accounts and their keys."""

from __future__ import annotations

import click

from commands.connections.add import add
from commands.connections.ask_for_key import scopes_table
from commands.connections.list import list_
from commands.connections.remove import remove
from commands.connections.rotate import rotate, undo_key
from commands.main import UrlAwareGroup
from commands.options import json_option, var_option
from configuration import settings
from ops.connections.keys import examine, titled, wanted_key
from ops.connections.known import WHENCE
from ops.errors import Failed
from ops.ledger import ledger
from ops.output import console, echo, print_json


@click.group(cls=UrlAwareGroup)
def connections() -> None:
    """List, add, test and remove connections; rotate their keys.

    A connection is one Klaviyo account. Its key comes from the environment, from the CDP, or from `add`, which stores
    it encrypted. `undo-key` undoes a key that came with a message of the CDP.

    \b
    Examples:
      ferry connections list
      ferry connections test brand-b
    """


@connections.command()
@click.argument("name")
@json_option
@var_option
def test(name: str, as_json: bool) -> None:
    """Test the key of a connection: its account, its scopes, and the effect of each missing one.

    Writes nothing to Klaviyo. Exit code 1 if the key cannot deliver people.

    \b
    Examples:
      ferry connections test brand-b
      ferry connections test default --json
    """
    known = settings.load()
    with ledger(known) as redis:
        key = wanted_key(redis, known, name)
        rights = examine(redis, known, key.value)
    if as_json:
        account, delivers = rights.account.id, rights.delivers
        print_json({"name": name, "account": account, "key": key.origin, "scopes": rights.scopes, "delivers": delivers})
    echo(f"{name}: account {titled(rights.account)}; {WHENCE[key.origin]}")
    console().print(scopes_table(rights))
    if not rights.delivers:
        raise Failed(f"the key of {name} cannot deliver people: create one with the scopes above in Klaviyo")


for command in (list_, add, rotate, remove, undo_key):
    connections.add_command(command)
