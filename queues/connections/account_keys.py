"""The Klaviyo keys that messages bring: learnt, told apart by fingerprints, and undone.

A key is never shown. Its fingerprint, the same for the same key, is in the audit and on the page.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.client import Pipeline as AsyncPipeline
from redis.client import Pipeline

from queues import keys
from queues.clock import now_ms
from queues.connections.accounts import AccountSettings, Cipher, record
from queues.errors import NoSecretKey, SecretKeyChanged

#: Instead of the fingerprint of a key that no secret of the installation opens.
UNREADABLE: Final = "unreadable"


@dataclass(frozen=True, slots=True)
class LearntKey:
    """What is known of a connection's key that a message brought. `fingerprint`: empty where it has none.

    `since`: ms, and `sender`: who brought it; both empty where that was before Ferry wrote them down. `before`:
    fingerprint of the one before. `refused`: of one that was undone and is not taken again.
    """

    fingerprint: str
    since: int = 0
    sender: str = ""
    before: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class KeyUpdate:
    """What came of a message's settings. `before`, `after`: fingerprints; the same where the key is. `kept`: whether
    the key of the message counts; False for one that was undone.
    """

    before: str
    after: str
    kept: bool = True


class NothingToUndo(Exception):
    """No message has brought a key, or what was brought last was undone already."""


def fingerprint(api_key: str) -> str:
    """12 hex digits that tell one key from another and give none away: Klaviyo's keys have over 130 random bits."""
    return hashlib.blake2b(api_key.encode(), digest_size=6, person=b"ferry key").hexdigest() if api_key else ""


def learnt_of(stored: dict[bytes, bytes], cipher: Cipher) -> LearntKey:
    """What an account's hash says of its key."""
    known = stored.get(b"fingerprint")
    return LearntKey(
        _fingerprint_of(stored.get(b"api_key", b""), cipher) if known is None else known.decode(),
        int(stored.get(b"since") or 0),
        stored.get(b"by", b"").decode(),
        stored.get(b"before_fingerprint", b"").decode(),
        stored.get(b"refused", b"").decode(),
    )


def _fingerprint_of(sealed: bytes, cipher: Cipher) -> str:
    """Of a key that was kept before there were fingerprints."""
    try:
        return fingerprint(cipher.decrypt(sealed)) if sealed else ""
    except (NoSecretKey, SecretKeyChanged):
        return UNREADABLE


def learnt(redis: Redis, connection: str, cipher: Cipher) -> LearntKey:
    """What is known of the key that messages brought. Raises redis.RedisError."""
    return learnt_of(cast("dict[bytes, bytes]", redis.hgetall(keys.account(connection))), cipher)


async def learn(redis: AsyncRedis, connection: str, account: AccountSettings, cipher: Cipher, sender: str) -> KeyUpdate:
    """Keep what a message says of its account; a key takes the place of the one before, which can be put back.

    One that was undone is not taken, nor does a message without a key end what an undoing put back. Raises
    NoSecretKey with nothing kept, redis.RedisError.
    """
    fields = record(account, cipher)  # first: without a secret nothing is kept
    key = keys.account(connection)

    async def write(pipe: AsyncPipeline) -> KeyUpdate:
        stored = cast("dict[bytes, bytes]", await pipe.hgetall(key))
        learning, more = _learning(learnt_of(stored, cipher), account, fields, sender, stored)
        pipe.multi()  # type: ignore[no-untyped-call]  # of redis-py
        pipe.hset(key, mapping=cast("Any", more))
        return learning

    return cast("KeyUpdate", await redis.transaction(cast("Any", write), key, value_from_callable=True))


def _learning(
    known: LearntKey, account: AccountSettings, fields: dict[str, bytes], sender: str, stored: dict[bytes, bytes]
) -> tuple[KeyUpdate, dict[str, Any]]:
    brought = fingerprint(account.api_key or "")
    settings = {"settings": fields["settings"]}
    if known.refused and brought in (known.refused, ""):
        return KeyUpdate(known.fingerprint, known.fingerprint, kept=not brought), settings
    same = KeyUpdate(known.fingerprint, brought)
    if brought == known.fingerprint:
        # Written anew, encrypted by the first secret, so that an old one can go.
        return same, {**fields, "fingerprint": brought}
    lost = known.fingerprint == UNREADABLE
    before = {
        "before": b"" if lost else stored.get(b"api_key", b""),
        "before_fingerprint": "" if lost else known.fingerprint,
    }
    return same, {**fields, **before, "fingerprint": brought, "since": now_ms(), "by": sender, "refused": ""}


def undo(redis: Redis, connection: str, cipher: Cipher) -> KeyUpdate:
    """Put back the key before the one that a message brought last, or none, so that the settings' own counts.

    The key that was undone is not taken from a message again; another one is. Raises NothingToUndo, redis.RedisError.
    """
    key = keys.account(connection)

    def write(pipe: Pipeline) -> KeyUpdate:
        stored = cast("dict[bytes, bytes]", pipe.hgetall(key))
        known = learnt_of(stored, cipher)
        if known.refused or not (known.fingerprint or known.before):
            raise NothingToUndo
        back = {"api_key": stored.get(b"before", b""), "fingerprint": known.before, "before": b""}
        told = {"before_fingerprint": "", "refused": known.fingerprint or "none", "since": now_ms(), "by": ""}
        pipe.multi()
        pipe.hset(key, mapping=cast("Any", {**back, **told}))
        return KeyUpdate(known.fingerprint, known.before)

    return cast("KeyUpdate", redis.transaction(cast("Any", write), key, value_from_callable=True))
