"""`ferry connections undo-key`: the key before the one that a message brought."""

from __future__ import annotations

import click

import settings
from ops.audited import by
from ops.connections_key import key_or_why
from ops.connections_known import WHENCE, tell_hold
from ops.errors import Misconfigured
from ops.ledger import ledger
from ops.options import var_option
from ops.output import echo
from queues import account_keys, audit, key_changes
from queues.account_keys import NothingToUndo
from queues.accounts import Cipher


@click.command("undo-key")
@click.argument("name")
@var_option
def undo_key(name: str) -> None:
    """Put back the key that a connection had before a message brought another one.

    Where there was none, the key of the settings counts again. What was undone is not taken from a message again, and
    whoever tries is alerted of; exchange the token of the sender that brought it. Batches that were delivered with it
    stay where they are.
    """
    known = settings.load()
    with ledger(known) as redis:
        try:
            undone = account_keys.undo(redis, name, Cipher(known.secret_keys))
        except NothingToUndo:
            raise Misconfigured(
                f"{name}: no message has brought a key since the last one was undone; nothing was changed. "
                "`ferry connections list` says where each key comes from"
            ) from None
        key_changes.forget(redis, name)
        audit.note(redis, by(), "key undone", name, f"key {undone.before or 'none'} -> {undone.after or 'none'}")
        echo(f"{name}: the key {undone.before or 'none'} (fingerprint) is undone and not taken again.")
        found = key_or_why(redis, known, name)
        echo(f"Now {found}." if isinstance(found, str) else f"Now {WHENCE[found.origin]}.")
        tell_hold(redis, name)
