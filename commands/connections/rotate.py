"""`ferry connections rotate`: another key, checked before it is kept.

`ferry connections undo-key`: the key before the one that a message brought.
"""

from __future__ import annotations

import click
from redis import Redis

from commands.connections.ask_for_key import asked_key, usable
from commands.options import var_option
from configuration import settings
from configuration.connections import UnknownConnection
from configuration.settings import Settings
from klaviyo.accounts import KlaviyoAccount
from klaviyo.rights import Rights
from ops.audit_format import by
from ops.connections.keys import Key, examine, key_of, key_or_why, titled
from ops.connections.known import ELSEWHERE, WHENCE, settings_with_secret, tell_hold
from ops.errors import Failed, Misconfigured
from ops.ledger import ledger
from ops.output import echo
from queues import audit, owners, pending
from queues.census import count
from queues.clock import now_ms
from queues.connections import account_keys, connection_keys, key_changes
from queues.connections.account_keys import NothingToUndo
from queues.connections.accounts import Cipher
from queues.errors import SecretKeyChanged
from worker.same_account import confirm


@click.command()
@click.argument("name")
@click.option("--other-account", is_flag=True, help="Even when the new key is not known to be of the same account.")
@var_option
def rotate(name: str, other_account: bool) -> None:
    """Exchange the key of a connection.

    The new one is asked for, or read from stdin, and checked with Klaviyo; when it fails, the old one stays. Both must
    be of one account: in another one the lists are others, and nobody is on them yet. Afterwards revoke the old key in
    Klaviyo.
    """
    known = settings_with_secret()
    with ledger(known, writes=True) as redis:
        old = _old_key(redis, known, name)
        new = asked_key(name)
        if old and new == old.value:
            raise Failed(f"that is the key which {name} has; nothing was changed")
        rights = usable(redis, known, new, "The old key stays.")
        moves = not _same_account(redis, known, name, old, rights.account)
        if moves and not other_account:
            raise Failed(_unlike(name, rights))
        if old and old.origin != "kept":
            raise Failed(f"The new key is good, and nothing was changed. {ELSEWHERE[old.origin]}")
        if moves:
            _leave_account(redis, name)
        connection_keys.exchange(
            redis, name, connection_keys.seal(Cipher(known.secret_keys), new, now_ms(), rights.account.id)
        )
        confirm(redis, known, name, new, rights.account.id)
        audit.note(redis, by(), "key rotated", name, "to another account" if moves else audit.DONE)
        echo(f"{name} has the new key: account {titled(rights.account)}. Deliveries that begin now use it.")
        echo("Revoke the old one in Klaviyo in a minute, when no delivery is under way that began with it.")
        tell_hold(redis, name)


def _old_key(redis: Redis, known: Settings, name: str) -> Key | None:
    """None where what is kept cannot be read any more. Raises Failed, Misconfigured where there is none to exchange."""
    try:
        found = key_of(redis, known, name)
    except UnknownConnection as fault:
        raise Misconfigured(f"{fault}\nTo add it: ferry connections add {name}") from fault
    except SecretKeyChanged as fault:
        if connection_keys.find(redis, name):
            return None
        raise Failed(f"{name}: {fault}") from fault
    if found is None:
        raise Failed(f"{name} has no key yet: ferry connections add {name}")
    return found


def _same_account(redis: Redis, known: Settings, name: str, old: Key | None, new: KlaviyoAccount) -> bool:
    """Whether both keys are known to be of one account. The old one may be revoked, so what was noted of it counts."""
    noted = connection_keys.find(redis, name) if old is None or old.origin == "kept" else None
    before = noted.account if noted else None
    if before is None and old is not None:
        try:
            before = examine(redis, known, old.value).account.id
        except Failed:
            return False
    return before is not None and before == new.id


def _unlike(name: str, new: Rights) -> str:
    return (
        f"It cannot be told that the new key (account {titled(new.account)}) and the old one of {name} are of one "
        "account. The old key stays.\nTake one of the same account, with accounts:read; to move to another account all "
        "the same: add --other-account"
    )


def _leave_account(redis: Redis, name: str) -> None:
    """The lists of the old account are forgotten. Raises Failed while an import may be under way there."""
    queues = [queue for queue in pending.all_queues(redis) if queue.connection == name]
    opened = [str(each.queue) for each in count(redis, queues) if each.batches]
    if opened:
        raise Failed(
            f"batches are open to the old account, of {', '.join(opened)}. The old key stays; try again when "
            "`ferry status` shows none of them"
        )
    for queue in queues:
        owners.forget_list(redis, queue)


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
