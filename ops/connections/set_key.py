"""Set the key of a connection: add one, replace it, or undo a key that came with a message.

A key is stored after Klaviyo accepted it, and noted in the audit log without its value.
"""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis

from configuration.connections import NAMES, UnknownConnection, is_name
from configuration.settings import Settings
from klaviyo.accounts import KlaviyoAccount, Rights
from ops.connections.keys import Key, examine, key_of, key_or_why, titled
from ops.connections.known import ELSEWHERE
from ops.connections.scopes import check_form, usable
from ops.errors import Failed, Misconfigured
from queues import audit, owners, pending
from queues.census import count
from queues.clock import now_ms
from queues.connections import account_keys, accounts, key_changes
from queues.connections.account_keys import KeyUpdate
from queues.connections.accounts import Cipher, StoredKey
from queues.errors import NoSecretKey, SecretKeyChanged
from worker.connection import confirm_account


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was stored. `shared_with`: other connections of its account. `moved`: whether the account changed."""

    rights: Rights
    shared_with: tuple[str, ...] = ()
    moved: bool = False


class AccountUnlike(Failed):
    """The new key and the old one may belong to different accounts. Nothing was changed."""


def check_free(redis: Redis, known: Settings, name: str) -> None:
    """Raise Misconfigured or Failed unless a connection of this name can be added."""
    if not is_name(name):
        raise Misconfigured(f"{name}: {NAMES}")
    _check_secret(known)
    if accounts.stored_key(redis, name):
        raise Misconfigured(f"{name} already has a key. To replace it: ferry connections rotate {name}")
    try:
        found = key_of(redis, known, name)
    except UnknownConnection:
        return
    except SecretKeyChanged as fault:
        raise Failed(f"{name}: {fault}") from fault
    if found:
        raise Misconfigured(f"{name} already has a key. {ELSEWHERE[found.origin]}")


def add(redis: Redis, known: Settings, who: str, name: str, api_key: str) -> NewKey:
    """Add a connection with this key. Every process knows it within seconds.

    Raises Misconfigured or Failed, with nothing stored, for a name that is taken and a key that cannot deliver people.
    """
    check_free(redis, known, name)
    check_form(api_key)
    rights = usable(redis, known, api_key, "Nothing was stored.")
    others = _of_account(redis, rights.account.id)
    if not accounts.add_key(redis, name, _sealed(known, api_key, rights.account)):
        raise Failed(f"{name} was added by another user in the meantime; nothing was changed")
    audit.note(redis, who, "connection added", name)
    return NewKey(rights, tuple(others))


def old_key(redis: Redis, known: Settings, name: str) -> Key | None:
    """Return the key to replace, or None if it can no longer be decrypted. Raises Misconfigured, Failed without one."""
    _check_secret(known)
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


def rotate(redis: Redis, known: Settings, who: str, name: str, api_key: str, other_account: bool) -> NewKey:
    """Replace the key of a connection. `other_account`: also by a key that may belong to another account.

    Raises AccountUnlike, Failed or Misconfigured; the old key stays then.
    """
    old = old_key(redis, known, name)
    check_form(api_key)
    if old and api_key == old.value:
        raise Failed(f"{name} already has this key; nothing was changed")
    rights = usable(redis, known, api_key, "The old key stays.")
    moves = not _same_account(redis, known, name, old, rights.account)
    if moves and not other_account:
        raise AccountUnlike(_unlike(name, rights.account))
    if old and old.origin != "kept":
        raise Failed(f"The new key works, but nothing was changed. {ELSEWHERE[old.origin]}")
    if moves:
        _leave_account(redis, name)
    accounts.exchange_key(redis, name, _sealed(known, api_key, rights.account))
    confirm_account(redis, known, name, api_key, rights.account.id)
    audit.note(redis, who, "key rotated", name, "to another account" if moves else audit.DONE)
    return NewKey(rights, moved=moves)


def undo(redis: Redis, known: Settings, who: str, name: str) -> tuple[KeyUpdate, Key | str]:
    """Restore the key before the one that came with a message; return what was undone and the key that counts now.

    A text says why there is no key. Raises NothingToUndo.
    """
    undone = account_keys.undo(redis, name, Cipher(known.secret_keys))
    key_changes.forget(redis, name)
    audit.note(redis, who, "key undone", name, f"key {undone.before or 'none'} -> {undone.after or 'none'}")
    return undone, key_or_why(redis, known, name)


def _check_secret(known: Settings) -> None:
    if not known.secret_keys:
        raise Misconfigured(str(NoSecretKey()))


def _sealed(known: Settings, api_key: str, account: KlaviyoAccount) -> StoredKey:
    return accounts.seal_key(Cipher(known.secret_keys), api_key, now_ms(), account.id)


def _of_account(redis: Redis, account: str | None) -> list[str]:
    """Return the connections that were added with a key of the same account."""
    stored = ((name, accounts.stored_key(redis, name)) for name in accounts.with_key(redis))
    return [name for name, found in stored if account and found and found.account == account]


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


def _unlike(name: str, new: KlaviyoAccount) -> str:
    return (
        f"Ferry cannot confirm that the new key (account {titled(new)}) and the old one of {name} belong to the same "
        "account. The old key stays.\nUse a key of the same account, with accounts:read"
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
