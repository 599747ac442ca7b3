"""`ferry connections`: manage the Klaviyo accounts and their keys."""

from __future__ import annotations

import click

from commands.connections.add import add
from commands.connections.ask_for_key import scopes_table
from commands.connections.list import list_
from commands.connections.remove import remove
from commands.connections.rotate import rotate, undo_key
from commands.options import var_option
from commands.over_url import UrlAwareGroup
from configuration import settings
from ops.connections.keys import examine, titled, wanted_key
from ops.connections.known import WHENCE
from ops.errors import Failed
from ops.ledger import ledger
from ops.output import console, echo


@click.group(cls=UrlAwareGroup)
def connections() -> None:
    """List, add, test and remove connections; rotate their keys.

    A connection is one Klaviyo account. Its key comes from the environment, from the CDP, or from `add`, which stores
    it encrypted. `undo-key` undoes a key that came with a message of the CDP.
    """


@connections.command()
@click.argument("name")
@var_option
def test(name: str) -> None:
    """Test the key of a connection: its account, its scopes, and the effect of each missing one.

    Writes nothing to Klaviyo. Exit code 1 if the key cannot deliver people.
    """
    known = settings.load()
    with ledger(known) as redis:
        key = wanted_key(redis, known, name)
        rights = examine(redis, known, key.value)
    echo(f"{name}: account {titled(rights.account)}; {WHENCE[key.origin]}")
    console().print(scopes_table(rights))
    if not rights.delivers:
        raise Failed(f"the key of {name} cannot deliver people: create one with the scopes above in Klaviyo")


for command in (list_, add, rotate, remove, undo_key):
    connections.add_command(command)
