"""Before a snapshot is compared: note who changes from now on, and let everything accepted before be settled."""

from __future__ import annotations

from queues import holds, members, pending, snapshots, succession
from queues.clock import now_ms
from queues.pending import Look
from worker.errors import Later
from worker.snapshot_carrier import Carrier

#: Seconds until it is looked again.
LOOK_S = 5.0


def watch(of: Carrier) -> None:
    """Begin, or wait for the launch. Raises Later, SnapshotGone, LeaseLost."""
    redis, order = of.delivery.redis, of.order
    wait_ms = order.not_before - now_ms()
    if wait_ms > 0:
        # Without resting: a newer snapshot that comes takes its place at once.
        raise Later(f"snapshot {order.snapshot} is launched later", wait_ms / 1000)
    snapshots.keep(redis, order.snapshot)
    for _ in of.body():
        break
    members.begin(redis, of.audience, order.snapshot)
    of.course.since, of.course.step = now_ms(), "drain"
    of.note()
    _hurry(of)


def drain(of: Carrier) -> None:
    """Let what was accepted before `watch` end. Raises Later while something has not, LeaseLost."""
    (seen,) = pending.look(of.delivery.redis, [of.audience])
    if waits(seen, of.course.since):
        if not seen.waiting.asked:  # what was put in front meanwhile, as a replayed dead letter is
            _hurry(of)
        raise Later(_why(of, f"{seen.waiting.asked or 'some'} changes of {of.audience} wait"), LOOK_S)
    opened = succession.open_batches(of.delivery.redis, of.audience)
    if of.course.before is None:
        of.course.before = opened
    of.course.before = [batch_id for batch_id in of.course.before if batch_id in opened]
    if of.course.before:
        raise Later(_why(of, f"{len(of.course.before)} batches of {of.audience} are open"), LOOK_S)
    of.course.step = "base"
    of.note()


def waits(seen: Look, since: int) -> bool:
    """Whether a change waits that was there at `since` (ms). Pure.

    The flush that was asked for then counts them, whatever the clocks of the intakes say; the time finds those that
    were put in front of them.
    """
    oldest = seen.waiting.oldest
    return seen.waiting.asked > 0 or (oldest is not None and oldest < since)


def _hurry(of: Carrier) -> None:
    pending.flush(of.delivery.redis, of.audience, now_ms())
    pending.wake(of.delivery.redis)


def _why(of: Carrier, what: str) -> str:
    hold = holds.of_queue(of.delivery.redis, of.audience)
    held = f", which is held ({hold.reason}): see `ferry holds`" if hold else ""
    return f"snapshot {of.order.snapshot}: {what} that came before it{held}"
