"""What people do to the queues: the same for commands, page and API, and each written into the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis import Redis

from configuration.settings import Settings
from ops.errors import Failed
from ops.flush_request import FlushRequest
from ops.release import confirm_guarded, let_move, let_share, still_wrong
from queues import audit, dead_letters, holds, pending, undecided_erasures
from queues.census import Census, count
from queues.clock import now_ms
from queues.counts import QueueCount
from queues.dead_letters import DeadLetter, Replayed
from queues.holds import Hold
from queues.names import Queue
from queues.snapshots.records import Record
from text.escaping import visible

#: Letters replayed or purged by one script, so that none holds the ledger up for long.
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Released:
    """`done`: False where nothing was held, or where the cause is `still` there, in words with the remedy.

    `confirmed`: the snapshot that the guard held and that is carried out now.
    """

    done: bool
    still: str | None = None
    confirmed: Record | None = None


def flush(redis: Redis, who: str, found: QueueCount) -> FlushRequest:
    """Ask for what waits in a queue; `who`: as the audit names them. It is sent once nothing holds it.

    The scheduler is not woken before `pending.wake`, so that many queues are asked for first.
    """
    asked = pending.flush(redis, found.queue, now_ms())
    (after,) = count(redis, [found.queue])
    audit.note(redis, who, "flush", found.queue, changes=asked)
    return FlushRequest(found.queue, asked, max(after.upto, after.taken) if asked else after.taken)


def hold(redis: Redis, who: str, on: Queue | str, reason: str) -> bool:
    """Stop a queue or a connection; False where it is held already, whose reason stays."""
    placed = holds.place(redis, on, Hold(reason, now_ms()))
    audit.note(redis, who, "hold", on, audit.DONE if placed else "held already")
    return placed


def release(redis: Redis, settings: Settings, who: str, on: Queue | str, before: Hold | None, force: bool) -> Released:
    """End the hold `before`, unless its cause is still there and it is not forced. May ask Klaviyo, for seconds."""
    still = still_wrong(redis, settings, on, before) if before else None
    if still and not force:
        audit.note(redis, who, "release", on, "the cause is still there")
        return Released(False, still)
    confirmed = None
    if isinstance(on, Queue) and before:
        confirmed = confirm_guarded(redis, on, before)
        let_share(redis, on, before)
    if isinstance(on, str) and before:
        let_move(redis, on, before)
    done = holds.release(redis, on)
    audit.note(redis, who, "release", on, audit.DONE if done else "not held")
    return Released(done, still, confirmed)


def replay(redis: Redis, who: str, chosen: Mapping[Queue, Sequence[str]]) -> Replayed:
    """Put dead letters back into their queues; `chosen`: their ids, oldest first."""
    replayed = stayed = 0
    for queue, part in _parts(chosen):
        done = dead_letters.replay(redis, queue, part, now_ms())
        replayed, stayed = replayed + done.replayed, stayed + done.stayed
        audit.note(redis, who, "replay", queue, replayed=done.replayed, stayed=done.stayed)
    pending.wake(redis)
    return Replayed(replayed, stayed)


def confirm(redis: Redis, who: str, letter: DeadLetter) -> Replayed:
    """Say that the profiles which an erasure's letter names are the person's; they are deleted then.

    Raises Failed for a letter of which nothing is to be confirmed.
    """
    if letter.reason != undecided_erasures.REASON:
        raise Failed(
            f"of dead letter {letter.id} ({visible(letter.reason)}) there is nothing to confirm; replay it after a fix"
        )
    done = dead_letters.replay(redis, letter.queue, [letter.id], now_ms(), undecided_erasures.confirming(letter))
    counts = {"profiles": len(undecided_erasures.profiles(letter)), "replayed": done.replayed, "stayed": done.stayed}
    audit.note(redis, who, "confirm", letter.queue, audit.DONE, **counts)
    pending.wake(redis)
    return done


def purge(redis: Redis, who: str, chosen: Mapping[Queue, Sequence[str]]) -> int:
    """Delete dead letters for good; how many were still there."""
    purged = 0
    for queue, part in _parts(chosen):
        gone = dead_letters.purge(redis, queue, part)
        audit.note(redis, who, "purge", queue, purged=gone)
        purged += gone
    return purged


def hold_on(on: Queue | str, census: Census) -> Hold | None:
    """What holds a queue by itself, or a connection."""
    if isinstance(on, str):
        return census.holds.get(on)
    return next((found.hold for found in census.queues if found.queue == on), None)


def _parts(chosen: Mapping[Queue, Sequence[str]]) -> list[tuple[Queue, list[str]]]:
    """Portions for one script each, the newest first: each is put in front of the one before (replay.lua)."""
    return [
        (queue, list(ids[max(0, end - _AT_ONCE) : end]))
        for queue, ids in chosen.items()
        for end in range(len(ids), 0, -_AT_ONCE)
    ]
