"""The Klaviyo keys contained in messages: learnt, distinguished by fingerprints, and undone.

A key is never shown. The audit log and the page show its fingerprint, which is the same for the same key.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.client import Pipeline

from queues import keys, scripts
from queues.clock import now_ms
from queues.connections.accounts import AccountSettings, Cipher, record
from queues.errors import NoSecretKey, SecretKeyChanged

#: Replaces the fingerprint of a key that no secret of the installation decrypts.
UNREADABLE: Final = "unreadable"
#: The fields that decide what becomes of a message's key.
_DECIDING: Final = (b"fingerprint", b"api_key", b"refused")


@dataclass(frozen=True, slots=True)
class LearntKey:
    """A connection's key from a message. `fingerprint`: empty if there is none.

    `since`: ms; `sender`: who sent it; both empty for keys older than these fields. `before`: fingerprint of the
    previous key. `refused`: fingerprint of a key that was undone and is not accepted again.
    """

    fingerprint: str
    since: int = 0
    sender: str = ""
    before: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class KeyUpdate:
    """The effect of a message's settings. `before`, `after`: fingerprints, equal if the key is the same.

    `kept`: whether the key of the message counts; False for a key that was undone.
    """

    before: str
    after: str
    kept: bool = True


class NothingToUndo(Exception):
    """No message has contained a key, or the last one was already undone."""


def fingerprint(api_key: str) -> str:
    """Return 12 hex digits that identify a key without revealing it: Klaviyo's keys have over 130 random bits."""
    return hashlib.blake2b(api_key.encode(), digest_size=6, person=b"ferry key").hexdigest() if api_key else ""


def learnt_of(stored: dict[bytes, bytes], cipher: Cipher) -> LearntKey:
    """Return the key's data from an account's hash."""
    known = stored.get(b"fingerprint")
    return LearntKey(
        _fingerprint_of(stored.get(b"api_key", b""), cipher) if known is None else known.decode(),
        int(stored.get(b"since") or 0),
        stored.get(b"by", b"").decode(),
        stored.get(b"before_fingerprint", b"").decode(),
        stored.get(b"refused", b"").decode(),
    )


def _fingerprint_of(sealed: bytes, cipher: Cipher) -> str:
    """Return the fingerprint of a key that was stored before there were fingerprints."""
    try:
        return fingerprint(cipher.decrypt(sealed)) if sealed else ""
    except (NoSecretKey, SecretKeyChanged):
        return UNREADABLE


def learnt(redis: Redis, connection: str, cipher: Cipher) -> LearntKey:
    """Return what is known of the key from messages. Raises redis.RedisError."""
    return learnt_of(cast("dict[bytes, bytes]", redis.hgetall(keys.account(connection))), cipher)


async def learn(redis: AsyncRedis, connection: str, account: AccountSettings, cipher: Cipher, sender: str) -> KeyUpdate:
    """Store a message's account settings; its key replaces the previous one, which can be restored.

    A key that was undone is not accepted, and a message without a key does not remove a restored one. Raises
    NoSecretKey, with nothing stored, or redis.RedisError.
    """
    fields = record(account, cipher)  # first, so that without a secret nothing is stored
    key = keys.account(connection)
    while True:
        stored = cast("dict[bytes, bytes]", await redis.hgetall(key))
        learning, more = _learning(learnt_of(stored, cipher), account, fields, sender, stored)
        seen = [part for name in _DECIDING for part in (name, stored.get(name, b""))]
        written = [part for pair in more.items() for part in pair]
        if await scripts.run_async(redis, "learn", [key], [len(_DECIDING), *seen, *written]):
            return learning


def _learning(
    known: LearntKey, account: AccountSettings, fields: dict[str, bytes], sender: str, stored: dict[bytes, bytes]
) -> tuple[KeyUpdate, dict[str, Any]]:
    brought = fingerprint(account.api_key or "")
    settings = {"settings": fields["settings"]}
    if known.refused and brought in (known.refused, ""):
        return KeyUpdate(known.fingerprint, known.fingerprint, kept=not brought), settings
    same = KeyUpdate(known.fingerprint, brought)
    if brought == known.fingerprint:
        # Written again, encrypted with the first secret, so that an old secret can be removed.
        return same, {**fields, "fingerprint": brought}
    lost = known.fingerprint == UNREADABLE
    before = {
        "before": b"" if lost else stored.get(b"api_key", b""),
        "before_fingerprint": "" if lost else known.fingerprint,
    }
    return same, {**fields, **before, "fingerprint": brought, "since": now_ms(), "by": sender, "refused": ""}


def undo(redis: Redis, connection: str, cipher: Cipher) -> KeyUpdate:
    """Restore the key before the last one from a message, or none, so that the key in the settings counts.

    A message can set another key later, but not the one undone. Raises NothingToUndo, redis.RedisError.
    """
    key = keys.account(connection)

    def write(pipe: Pipeline) -> KeyUpdate:
        stored = cast("dict[bytes, bytes]", pipe.hgetall(key))
        known = learnt_of(stored, cipher)
        if known.refused or not (known.fingerprint or known.before):
            raise NothingToUndo
        back = {"api_key": stored.get(b"before", b""), "fingerprint": known.before, "before": b""}
        marks = {"before_fingerprint": "", "refused": known.fingerprint or "none", "since": now_ms(), "by": ""}
        pipe.multi()
        pipe.hset(key, mapping=cast("Any", {**back, **marks}))
        return KeyUpdate(known.fingerprint, known.before)

    return cast("KeyUpdate", redis.transaction(cast("Any", write), key, value_from_callable=True))
