"""`ferry connections`: manage the Klaviyo accounts and their keys."""

from __future__ import annotations

import click

from commands.connections.ask_for_key import asked_key, scopes_table, warn_missing
from commands.connections.list import list_
from commands.connections.remove import remove
from commands.connections.rotate import rotate, undo_key
from commands.main import UrlAwareGroup
from commands.options import json_option, var_option
from configuration import settings
from ops.connections import set_key
from ops.connections.keys import examine, titled, wanted_key
from ops.connections.known import WHENCE, tell_hold
from ops.errors import Failed
from ops.ledger import by, ledger
from ops.output import complain, console, echo, print_json


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
def add(name: str, as_json: bool) -> None:
    """Add a connection: a Klaviyo account and its key.

    Asks for the key or reads it from stdin, checks it with Klaviyo, and stores it encrypted (FERRY_SECRET_KEY). All
    other settings are those of `default`, unless connections.toml has a table of that name. Requests can name the
    connection (?connection=NAME) a second later, without a restart.

    \b
    Examples:
      ferry connections add brand-c
      pass show klaviyo/brand-c | ferry connections add brand-c
    """
    known = settings.load()
    with ledger(known, writes=True) as redis:
        set_key.check_free(redis, known, name)
        added = set_key.add(redis, known, by(), name, asked_key(name))
        account = added.rights.account
        warn_missing(added.rights)
        echo(f"{name} was added: account {titled(account)}. Every process knows it within seconds.")
        if added.shared_with:
            shared = ", ".join(added.shared_with)
            complain(f"Warning: {shared} also uses this account: they share its lists and rate limits.")
        tell_hold(redis, name)
    if as_json:
        print_json({"name": name, "account": account.id, "shared_with": added.shared_with})


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


for command in (list_, rotate, remove, undo_key):
    connections.add_command(command)
