"""The actions of people on queues, for commands, pages and API. Each is recorded in the audit log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from redis import Redis

from configuration.settings import Settings
from ops.errors import Failed
from queues import audit, batches, dead_letters, holds, pending, undecided_erasures
from queues.census import Census, count
from queues.clock import now_ms
from queues.counts import QueueCount
from queues.dead_letters import DeadLetter, Replayed
from queues.holds import Hold
from queues.names import Queue
from queues.snapshots import orders
from queues.snapshots.records import Record
from text.escaping import visible

#: Letters replayed or purged by one script, so that no script blocks the ledger for long.
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Released:
    """The result of a release. `done`: False if nothing was held, or if the cause remains.

    `still`: the cause that remains, with the remedy. `confirmed`: the snapshot that the guard held and that is carried
    out now.
    """

    done: bool
    still: str | None = None
    confirmed: Record | None = None


@dataclass(frozen=True, slots=True)
class FlushRequests:
    """The flushes of one command. `at`: the time before them, in ms by the ledger's clock."""

    at: int
    flushes: list[FlushRequest]


@dataclass(slots=True)
class FlushRequest:
    """The flush of one queue.

    It is done when the queue has taken `upto` changes in total, and the batches open at that time are settled. `asked`:
    pending changes at the time of the flush. `launches_at`: ms, of a snapshot whose launch is still to come; a flush
    does not hasten it, so nothing is waited for.
    """

    queue: Queue
    asked: int
    upto: int
    launches_at: int | None = None
    _batches: set[str] | None = field(default=None, init=False)

    def remaining(self, count: QueueCount) -> int:
        """Return the number of changes that are not settled yet; 0: done. Call it repeatedly with newer counts."""
        if self.launches_at is not None:
            return 0
        if count.taken < self.upto:
            return self.upto - count.taken + count.open
        if self._batches is None:
            self._batches = {batch.id for batch in count.batches}
        return sum(batch.count for batch in count.batches if batch.id in self._batches)


def flush(redis: Redis, who: str, queues: Iterable[Queue]) -> FlushRequests:
    """Request a flush of these queues and wake a scheduler; each starts when no hold stops it.

    `who`: the user, as the audit log shows it.
    """
    seconds, microseconds = redis.time()
    flushes = [_flush(redis, who, queue) for queue in sorted(set(queues))]
    pending.wake(redis)
    return FlushRequests(seconds * 1000 + microseconds // 1000, flushes)


def _flush(redis: Redis, who: str, queue: Queue) -> FlushRequest:
    asked = pending.flush(redis, queue, now_ms())
    (after,) = count(redis, [queue])
    audit.note(redis, who, "flush", queue, changes=asked)
    upto = max(after.upto, after.taken) if asked else after.taken
    return FlushRequest(queue, asked, upto, _launch(redis, queue))


def _launch(redis: Redis, queue: Queue) -> int | None:
    """Return the launch in ms of the next snapshot of a queue of snapshots; None unless it is still to come."""
    if queue.kind != orders.KIND:
        return None
    queued = [each.order.not_before for each in orders.records(redis, queue) if each.ended is None]
    return min(queued) if queued and min(queued) > now_ms() else None


def hold(redis: Redis, who: str, on: Queue | str, reason: str) -> bool:
    """Hold a queue or a connection; return False if it is already held, and keep that reason."""
    placed = holds.place(redis, on, Hold(reason, now_ms()))
    audit.note(redis, who, "hold", on, audit.DONE if placed else "held already")
    return placed


def release(redis: Redis, settings: Settings, who: str, on: Queue | str, before: Hold | None, force: bool) -> Released:
    """End the hold `before`, unless its cause remains and `force` is False. May ask Klaviyo, which takes seconds."""
    # Loads Klaviyo's client, which no other action needs.
    from ops.release import confirm_guarded, let_move, let_share, still_wrong

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


def retry(redis: Redis, who: str, queue: Queue) -> None:
    """Ring workers for the open batches of a queue now, before the time of their next attempt."""
    batches.hasten(redis, queue, now_ms())
    pending.wake(redis)
    audit.note(redis, who, "retry", queue)


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
    """Confirm that the profiles in an erasure's letter are the person's; they are deleted then.

    Raises Failed for a letter that needs no confirmation.
    """
    if letter.reason != undecided_erasures.REASON:
        raise Failed(f"dead letter {letter.id} ({visible(letter.reason)}) needs no confirmation; replay it after a fix")
    done = dead_letters.replay(redis, letter.queue, [letter.id], now_ms(), undecided_erasures.confirming(letter))
    counts = {"profiles": len(undecided_erasures.profiles(letter)), "replayed": done.replayed, "stayed": done.stayed}
    audit.note(redis, who, "confirm", letter.queue, audit.DONE, **counts)
    pending.wake(redis)
    return done


def purge(redis: Redis, who: str, chosen: Mapping[Queue, Sequence[str]]) -> int:
    """Delete dead letters permanently; return how many still existed."""
    purged = 0
    for queue, part in _parts(chosen):
        gone = dead_letters.purge(redis, queue, part)
        audit.note(redis, who, "purge", queue, purged=gone)
        purged += gone
    return purged


def hold_on(on: Queue | str, census: Census) -> Hold | None:
    """Return the hold on a connection, or on a queue itself."""
    if isinstance(on, str):
        return census.holds.get(on)
    return next((found.hold for found in census.queues if found.queue == on), None)


def _parts(chosen: Mapping[Queue, Sequence[str]]) -> list[tuple[Queue, list[str]]]:
    """Return portions for one script each, the newest first: each is put in front of the previous one (replay.lua)."""
    return [
        (queue, list(ids[max(0, end - _AT_ONCE) : end]))
        for queue, ids in chosen.items()
        for end in range(len(ids), 0, -_AT_ONCE)
    ]
