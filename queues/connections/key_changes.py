"""The keys and settings that messages changed or tried to change, for alerts, the page and `ferry connections`.

The audit log has each of them; this is a short list that can be read often.
"""

from __future__ import annotations

from typing import Final, Literal, cast

import msgspec
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from queues import audit, keys

What = Literal["changed", "refused"]
#: ms for which an entry is kept after its last time.
KEPT_MS: Final = 7 * 86_400_000
#: Entries kept at most: a sender that is not limited to certain accounts can make up any number of them.
MOST: Final = 1_000
#: ms within which the audit log records the same refusal once, so that refusals do not displace everything else.
_AUDITED_MS: Final = 3_600_000
_encode = msgspec.json.Encoder().encode


class KeyChange(msgspec.Struct, frozen=True):
    """A change or an attempt. `settings`: names of the settings in the message.

    `before`, `after`: fingerprints of keys, empty if there is none. `since`, `last`, `audited`: ms of the first time,
    the last, and the last one in the audit log. `times`: approximate count.
    """

    what: What
    connection: str
    sender: str
    settings: tuple[str, ...]
    before: str
    after: str
    since: int
    last: int
    times: int = 1
    audited: int = 0

    @property
    def field(self) -> str:
        """The hash field of the entry; a later one of the same kind, connection and sender replaces it."""
        return f"{self.what}/{self.connection}/{self.sender}"


_decode = msgspec.json.Decoder(KeyChange).decode


async def note(redis: AsyncRedis, change: KeyChange, *, first: bool = False) -> bool:
    """Record a change, in the audit log too; return whether the audit log has a new entry. Raises redis.RedisError.

    `first`: there was no key before, which only the audit log records.
    """
    stored = cast("bytes | None", await redis.hget(keys.KEY_CHANGES, change.field))
    made = _joined(_decode(stored) if stored else None, change)
    news = made.audited == change.last
    if news:
        await audit.note_async(
            redis, f"sender:{change.sender}", f"key {change.what}", change.connection, describe(change)
        )
    if not first and (stored or int(await redis.hlen(keys.KEY_CHANGES)) < MOST):
        await redis.hset(keys.KEY_CHANGES, change.field, cast("str", _encode(made)))
    return news


def _joined(known: KeyChange | None, change: KeyChange) -> KeyChange:
    """Merge with the known entry: a change is always audited, a repeated refusal at intervals. Pure."""
    if known is None or change.what == "changed":
        return msgspec.structs.replace(change, audited=change.last)
    late = change.last - known.audited >= _AUDITED_MS
    audited = change.last if late else known.audited
    return msgspec.structs.replace(change, since=known.since, times=known.times + 1, audited=audited)


def describe(change: KeyChange) -> str:
    """Return `key 3fa2c1d4e5f6 -> 91bc00aa12fe`, or the names of the refused settings. Pure."""
    brought = ", ".join(change.settings)
    if change.what == "changed":
        return f"key {change.before or 'none'} -> {change.after or 'none'}"
    return f"ignored: {brought} (key {change.after})" if change.after else f"ignored: {brought}"


def recent(redis: Redis, since: int) -> list[KeyChange]:
    """Return the entries whose last time is `since` (ms) or later, newest first. Raises redis.RedisError."""
    found = map(_decode, cast("list[bytes]", redis.hvals(keys.KEY_CHANGES)))
    return sorted((each for each in found if each.last >= since), key=lambda each: (-each.last, each.field))


def prune(redis: Redis, now: int) -> None:
    """Delete old entries. Raises redis.RedisError."""
    stored = cast("dict[bytes, bytes]", redis.hgetall(keys.KEY_CHANGES))
    if old := [field for field, value in stored.items() if _decode(value).last < now - KEPT_MS]:
        redis.hdel(keys.KEY_CHANGES, *old)


def forget(redis: Redis, connection: str) -> None:
    """Delete the changes of this connection's key, because they were undone. Raises redis.RedisError."""
    fields = cast("list[bytes]", redis.hkeys(keys.KEY_CHANGES))
    if undone := [field for field in fields if field.startswith(f"changed/{connection}/".encode())]:
        redis.hdel(keys.KEY_CHANGES, *undone)
