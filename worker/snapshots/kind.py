"""Kind snapshot: makes a list equal to a complete list of people that was sent.

watch -> drain -> base -> rewrite -> plan -> apply -> finish. The results are changes in the audience's queue, which are
mapped, uploaded, confirmed and removed as usual. When members stay only because a person who joins may have the same
profile, drain, plan and apply follow once more: then it is known who has which profile.

Before the comparison, `watch` starts to note changed people, and `drain` lets all earlier changes be settled.
"""

from __future__ import annotations

from contextlib import closing

import msgspec

from identity.persons import Intent
from logs import log_ids
from queues import holds, pending
from queues.clock import now_ms
from queues.errors import SnapshotGone
from queues.pending import QueueState
from queues.snapshots import guard, members, orders
from queues.snapshots.orders import compares
from queues.snapshots.records import Outcomes
from snapshots.rows import Unreadable
from worker.delivery import Delivery
from worker.errors import Later
from worker.people.batch_people import People
from worker.settling import settle
from worker.snapshots.apply import apply, close_all, finish, give_way, refuse, void_letters, wait_for_room
from worker.snapshots.baseline import prepare_baseline, rewrite
from worker.snapshots.compare import compare
from worker.snapshots.plan import TooSlow, approve, compared, count_start, gathered, gives_way
from worker.snapshots.run import SnapshotRun, snapshot_run

#: Seconds until the next check.
LOOK_S = 5.0


def intents(people: People) -> list[Intent]:
    """Return one intent for all: only the newest snapshot of an audience counts, and it replaces comparisons. Pure."""
    changes = people.changes
    order = sorted(range(len(changes)), key=lambda index: (not compares(changes[index]), changes[index].body.at, index))
    return [Intent(order, decisive=order[-1])] if changes else []


def stages(delivery: Delivery) -> None:
    """Continue from the stored progress to the end, or to the next wait. Raises Later, NotAccepted, Held, LeaseLost."""
    (index,) = delivery.intents
    try:
        of = snapshot_run(delivery, index)
    except msgspec.DecodeError as fault:
        delivery.reject(index, "order_unreadable", {"detail": f"{fault}; start a newer worker and replay"})
    if index in delivery.progress.ended():
        close_all(delivery)
        return settle(delivery)
    log_ids.bind(snapshot=of.order.snapshot)
    if of.course.step != "finish" and gives_way(of):
        return give_way(of)
    try:
        _carry_out(of)
    except SnapshotGone as gone:
        return refuse(of, "snapshot_gone", {"detail": str(gone)})
    except Unreadable as fault:
        return refuse(of, "snapshot_unreadable", {"detail": str(fault)})
    except TooSlow as fault:
        return refuse(of, "snapshot_endless", {"detail": str(fault)})
    return finish(of)


def _carry_out(of: SnapshotRun) -> None:
    if of.course.step == "watch":
        watch(of)
    if of.course.step == "drain":
        drain(of)
    if of.course.step == "finish":
        return
    if of.order.compares:
        compare(of)
    else:
        _make_equal(of)


def _make_equal(of: SnapshotRun) -> None:
    if of.course.step == "base":
        prepare_baseline(of)
    if of.course.step == "apply":
        wait_for_room(of)
    count_start(of)
    with closing(gathered(of)) as people:
        if of.course.step == "rewrite":
            rewrite(of, people)
        with closing(compared(of, people)) as plan:
            of.course.starts = 0
            if of.course.step == "plan":
                approve(of, plan)
            apply(of, plan)
        if of.course.removed is None:  # the letters of the first comparison's changes stay
            void_letters(of, people)
    if of.course.undecided and of.course.removed is None:
        _compare_again(of)
    of.course.step = "finish"
    of.note()


def _compare_again(of: SnapshotRun) -> None:
    """Wait for the delivery of the queued changes, then compare once more. Raises Later, LeaseLost."""
    # Before the note: afterwards nobody would come back to it.
    guard.forget_confirmation(of.delivery.redis, of.delivery.batch.queue)
    of.course.removed = of.record.counts.removals if of.record.counts else 0
    of.record.outcomes = Outcomes(changes=of.course.queued)
    of.course.bucket, of.course.before = 0, None
    of.course.since, of.course.step, of.record.state = now_ms(), "drain", "queued"
    of.note()
    _hurry(of)
    raise Later(f"snapshot {of.order.snapshot}: its people join before it is known which members leave", LOOK_S)


def watch(of: SnapshotRun) -> None:
    """Start the watch, or wait for the launch time. Raises Later, SnapshotGone, LeaseLost."""
    redis, order = of.delivery.redis, of.order
    wait_ms = order.not_before - now_ms()
    if wait_ms > 0:
        # Without resting, so that a newer snapshot can replace it at once.
        raise Later(f"snapshot {order.snapshot} is launched later", wait_ms / 1000)
    orders.keep(redis, order.snapshot)
    for _ in of.body():
        break
    members.begin(redis, of.audience, order.snapshot)
    of.course.since, of.course.step = now_ms(), "drain"
    of.note()
    _hurry(of)


def drain(of: SnapshotRun) -> None:
    """Wait until all changes accepted before `watch` are settled. Raises Later while some are not, LeaseLost."""
    (seen,) = pending.look(of.delivery.redis, [of.audience])
    if waits(seen, of.course.since):
        if not seen.waiting.asked:  # put in front meanwhile, such as a replayed dead letter
            _hurry(of)
        raise Later(_why(of, f"{seen.waiting.asked or 'some'} earlier changes of {of.audience} are pending"), LOOK_S)
    opened = guard.open_batches(of.delivery.redis, of.audience)
    if of.course.before is None:
        of.course.before = opened
    of.course.before = [batch_id for batch_id in of.course.before if batch_id in opened]
    if of.course.before:
        raise Later(_why(of, f"{len(of.course.before)} earlier batches of {of.audience} are open"), LOOK_S)
    of.course.step = "base" if of.course.removed is None else "plan"
    of.note()


def waits(seen: QueueState, since: int) -> bool:
    """Return whether a change that was there at `since` (ms) is still pending. Pure.

    The count of the flush requested then is independent of the intakes' clocks; the time finds changes that were put in
    front of them.
    """
    oldest = seen.waiting.oldest
    return seen.waiting.asked > 0 or (oldest is not None and oldest < since)


def _hurry(of: SnapshotRun) -> None:
    pending.flush(of.delivery.redis, of.audience, now_ms())
    pending.wake(of.delivery.redis)


def _why(of: SnapshotRun, what: str) -> str:
    hold = holds.of_queue(of.delivery.redis, of.audience)
    held = f"; it is held ({hold.reason}), see `ferry holds`" if hold else ""
    return f"snapshot {of.order.snapshot}: {what}{held}"
