"""`ferry connections rotate`: replace a key, after a check of the new one.

`ferry connections undo-key`: restore the key that a connection had before one came with a message.
"""

from __future__ import annotations

import click

from commands.connections.ask_for_key import asked_key, warn_missing
from commands.options import json_option, var_option
from configuration import settings
from ops.connections import set_key
from ops.connections.keys import titled
from ops.connections.known import WHENCE, tell_hold
from ops.connections.set_key import AccountUnlike
from ops.errors import Failed, Misconfigured
from ops.ledger import by, ledger
from ops.output import echo, print_json
from queues.connections.account_keys import NothingToUndo


@click.command()
@click.argument("name")
@click.option("--other-account", is_flag=True, help="Rotate even if the new key may belong to another account.")
@json_option
@var_option
def rotate(name: str, other_account: bool, as_json: bool) -> None:
    """Replace the key of a connection.

    Asks for the new key or reads it from stdin, and checks it with Klaviyo; if the check fails, the old key stays.
    Both keys must belong to the same account: another account has other lists, with nobody on them yet. Afterwards
    revoke the old key in Klaviyo.

    \b
    Examples:
      ferry connections rotate brand-c
    """
    known = settings.load()
    with ledger(known, writes=True) as redis:
        set_key.old_key(redis, known, name)
        try:
            new = set_key.rotate(redis, known, by(), name, asked_key(name), other_account)
        except AccountUnlike as fault:
            raise Failed(f"{fault.message}; to move to another account anyway: add --other-account") from fault
        account = new.rights.account
        warn_missing(new.rights)
        if as_json:
            print_json({"name": name, "account": account.id, "moved": new.moved})
        echo(f"{name} has the new key: account {titled(account)}. New deliveries use it.")
        echo("Revoke the old key in Klaviyo after a minute, when the deliveries that began with it have ended.")
        tell_hold(redis, name)


@click.command("undo-key")
@click.argument("name")
@json_option
@var_option
def undo_key(name: str, as_json: bool) -> None:
    """Restore the key that a connection had before one came with a message.

    If there was none, the key of the settings is used again. Ferry does not accept the undone key from a message
    again, and raises an alert if a sender tries; replace the token of the sender that sent it. Batches delivered with
    it stay where they are.

    \b
    Examples:
      ferry connections undo-key brand-c
    """
    known = settings.load()
    with ledger(known) as redis:
        try:
            undone, found = set_key.undo(redis, known, by(), name)
        except NothingToUndo:
            raise Misconfigured(
                f"{name}: no key came with a message since the last one was undone; nothing was changed. "
                "`ferry connections list` shows where each key comes from"
            ) from None
        echo(f"{name}: the key {undone.before or 'none'} (fingerprint) was undone and will not be accepted again.")
        if as_json:
            print_json({"name": name, "undone": undone.before, "key": None if isinstance(found, str) else found.origin})
        echo(f"Now {found}." if isinstance(found, str) else f"Now {WHENCE[found.origin]}.")
        tell_hold(redis, name)
