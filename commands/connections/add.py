"""`ferry connections add`: add a connection while Ferry runs."""

from __future__ import annotations

import click

from commands.connections.ask_for_key import asked_key, warn_missing
from commands.options import json_option, var_option
from configuration import settings
from ops.audit_format import by
from ops.connections import set_key
from ops.connections.keys import titled
from ops.connections.known import tell_hold
from ops.ledger import ledger
from ops.output import complain, echo, print_json


@click.command()
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
