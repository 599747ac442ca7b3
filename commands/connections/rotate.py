"""`ferry connections rotate`: replace a key, after a check of the new one.

`ferry connections undo-key`: restore the key that a connection had before one came with a message.
"""

from __future__ import annotations

import click
from redis import Redis

from commands.connections.ask_for_key import asked_key, usable
from commands.options import json_option, var_option
from configuration import settings
from configuration.connections import UnknownConnection
from configuration.settings import Settings
from klaviyo.accounts import KlaviyoAccount, Rights
from ops.audit_format import by
from ops.connections.keys import Key, examine, key_of, key_or_why, titled
from ops.connections.known import ELSEWHERE, WHENCE, settings_with_secret, tell_hold
from ops.errors import Failed, Misconfigured
from ops.ledger import ledger
from ops.output import echo, print_json
from queues import audit, owners, pending
from queues.census import count
from queues.clock import now_ms
from queues.connections import account_keys, accounts, key_changes
from queues.connections.account_keys import NothingToUndo
from queues.connections.accounts import Cipher
from queues.errors import SecretKeyChanged
from worker.connection import confirm_account


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
    known = settings_with_secret()
    with ledger(known, writes=True) as redis:
        old = _old_key(redis, known, name)
        new = asked_key(name)
        if old and new == old.value:
            raise Failed(f"{name} already has this key; nothing was changed")
        rights = usable(redis, known, new, "The old key stays.")
        moves = not _same_account(redis, known, name, old, rights.account)
        if moves and not other_account:
            raise Failed(_unlike(name, rights))
        if old and old.origin != "kept":
            raise Failed(f"The new key works, but nothing was changed. {ELSEWHERE[old.origin]}")
        if moves:
            _leave_account(redis, name)
        accounts.exchange_key(
            redis, name, accounts.seal_key(Cipher(known.secret_keys), new, now_ms(), rights.account.id)
        )
        confirm_account(redis, known, name, new, rights.account.id)
        audit.note(redis, by(), "key rotated", name, "to another account" if moves else audit.DONE)
        if as_json:
            print_json({"name": name, "account": rights.account.id, "moved": moves})
        echo(f"{name} has the new key: account {titled(rights.account)}. New deliveries use it.")
        echo("Revoke the old key in Klaviyo after a minute, when the deliveries that began with it have ended.")
        tell_hold(redis, name)


def _old_key(redis: Redis, known: Settings, name: str) -> Key | None:
    """Return the old key, or None if it can no longer be decrypted. Raises Failed or Misconfigured if there is none."""
    try:
        found = key_of(redis, known, name)
    except UnknownConnection as fault:
        raise Misconfigured(f"{fault}\nTo add it: ferry connections add {name}") from fault
    except SecretKeyChanged as fault:
        if accounts.stored_key(redis, name):
            return None
        raise Failed(f"{name}: {fault}") from fault
    if found is None:
        raise Failed(f"{name} has no key yet: ferry connections add {name}")
    return found


def _same_account(redis: Redis, known: Settings, name: str, old: Key | None, new: KlaviyoAccount) -> bool:
    """Return whether both keys are known to belong to one account.

    The account recorded with the old key counts first, because that key may be revoked.
    """
    noted = accounts.stored_key(redis, name) if old is None or old.origin == "kept" else None
    before = noted.account if noted else None
    if before is None and old is not None:
        try:
            before = examine(redis, known, old.value).account.id
        except Failed:
            return False
    return before is not None and before == new.id


def _unlike(name: str, new: Rights) -> str:
    return (
        f"Ferry cannot confirm that the new key (account {titled(new.account)}) and the old one of {name} belong to "
        "the same account. The old key stays.\nUse a key of the same account, with accounts:read; to move to another "
        "account anyway: add --other-account"
    )


def _leave_account(redis: Redis, name: str) -> None:
    """Forget the lists of the old account. Raises Failed while an import may be in progress there."""
    queues = [queue for queue in pending.all_queues(redis) if queue.connection == name]
    opened = [str(each.queue) for each in count(redis, queues) if each.batches]
    if opened:
        raise Failed(
            f"batches to the old account are in progress: {', '.join(opened)}. The old key stays; try again when "
            "`ferry status` shows none"
        )
    for queue in queues:
        owners.forget_list(redis, queue)


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
            undone = account_keys.undo(redis, name, Cipher(known.secret_keys))
        except NothingToUndo:
            raise Misconfigured(
                f"{name}: no key came with a message since the last one was undone; nothing was changed. "
                "`ferry connections list` shows where each key comes from"
            ) from None
        key_changes.forget(redis, name)
        audit.note(redis, by(), "key undone", name, f"key {undone.before or 'none'} -> {undone.after or 'none'}")
        echo(f"{name}: the key {undone.before or 'none'} (fingerprint) was undone and will not be accepted again.")
        found = key_or_why(redis, known, name)
        if as_json:
            print_json({"name": name, "undone": undone.before, "key": None if isinstance(found, str) else found.origin})
        echo(f"Now {found}." if isinstance(found, str) else f"Now {WHENCE[found.origin]}.")
        tell_hold(redis, name)
