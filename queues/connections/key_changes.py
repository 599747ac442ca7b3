"""Keys and settings that messages changed, or tried to change, for the alerts, the page and `ferry connections`.

The audit has each of them; this is what is looked at again and again.
"""

from __future__ import annotations

from typing import Final, Literal, cast

import msgspec
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from queues import audit, keys

What = Literal["changed", "refused"]
#: ms for which one is kept after the last time.
KEPT_MS: Final = 7 * 86_400_000
#: Kept at most: a sender that is limited to no accounts can make up as many as it likes.
MOST: Final = 1_000
#: ms within which the audit says once that the same sender was refused the same: it must not push out everything else.
_AUDITED_MS: Final = 3_600_000


class KeyChange(msgspec.Struct, frozen=True):
    """`settings`: names of those that were brought. `before`, `after`: fingerprints of keys, empty where there is none.

    `since`, `last`, `audited`: ms of the first time, the last and that which the audit has. `times`: about.
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
        """Under which it is kept; the next one of the same takes its place."""
        return f"{self.what}/{self.connection}/{self.sender}"


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(KeyChange).decode


async def note(redis: AsyncRedis, change: KeyChange, *, first: bool = False) -> bool:
    """Write one down, in the audit too; whether it was news for the audit. Raises redis.RedisError.

    `first`: there was no key before, which the audit alone has to say.
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
    """A change is always told; what was refused once in a while. Pure."""
    if known is None or change.what == "changed":
        return msgspec.structs.replace(change, audited=change.last)
    late = change.last - known.audited >= _AUDITED_MS
    audited = change.last if late else known.audited
    return msgspec.structs.replace(change, since=known.since, times=known.times + 1, audited=audited)


def describe(change: KeyChange) -> str:
    """`key 3fa2c1d4e5f6 -> 91bc00aa12fe`, or the names of the settings that were refused. Pure."""
    brought = ", ".join(change.settings)
    if change.what == "changed":
        return f"key {change.before or 'none'} -> {change.after or 'none'}"
    return f"ignored: {brought} (key {change.after})" if change.after else f"ignored: {brought}"


def recent(redis: Redis, since: int) -> list[KeyChange]:
    """Those whose last time is at or after `since` (ms), the newest first. Raises redis.RedisError."""
    found = map(_decode, cast("list[bytes]", redis.hvals(keys.KEY_CHANGES)))
    return sorted((each for each in found if each.last >= since), key=lambda each: (-each.last, each.field))


def prune(redis: Redis, now: int) -> None:
    """Forget those that are old. Raises redis.RedisError."""
    stored = cast("dict[bytes, bytes]", redis.hgetall(keys.KEY_CHANGES))
    if old := [field for field, value in stored.items() if _decode(value).last < now - KEPT_MS]:
        redis.hdel(keys.KEY_CHANGES, *old)


def forget(redis: Redis, connection: str) -> None:
    """A change of this connection's key was undone. Raises redis.RedisError."""
    fields = cast("list[bytes]", redis.hkeys(keys.KEY_CHANGES))
    if undone := [field for field in fields if field.startswith(f"changed/{connection}/".encode())]:
        redis.hdel(keys.KEY_CHANGES, *undone)
