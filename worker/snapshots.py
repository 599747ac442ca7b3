"""Kind snapshot: a list is made equal to what somebody sent as the whole of it.

watch -> drain -> base -> rewrite -> plan -> apply -> finish. What comes of it are changes in the queue of the audience,
which map, upload, confirm and remove people as ever.
"""

from __future__ import annotations

from contextlib import closing

import msgspec

import log_ids
from queues.errors import SnapshotGone
from snapshots.errors import Unreadable
from worker.coalesce import Intent
from worker.delivery import Delivery
from worker.people import People
from worker.settling import settle
from worker.snapshot_apply import apply, void_letters, wait_for_room
from worker.snapshot_base import ground, rewrite
from worker.snapshot_carrier import Carrier, carrier
from worker.snapshot_drain import drain, watch
from worker.snapshot_end import close_all, finish, give_way, refuse
from worker.snapshot_plan import Endless, approve, compared, count_start, gathered, gives_way


def intents(people: People) -> list[Intent]:
    """One for all: of several snapshots of an audience the newest counts. Pure."""
    changes = people.changes
    order = sorted(range(len(changes)), key=lambda index: (changes[index].body.at, index))
    return [Intent(order, final=True)] if changes else []


def stages(delivery: Delivery) -> None:
    """From where the progress says to the end, or to the next wait. Raises Later, NotAccepted, Held, LeaseLost."""
    (index,) = delivery.intents
    try:
        of = carrier(delivery, index)
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
    except Endless as fault:
        return refuse(of, "snapshot_endless", {"detail": str(fault)})
    return finish(of)


def _carry_out(of: Carrier) -> None:
    if of.course.step == "watch":
        watch(of)
    if of.course.step == "drain":
        drain(of)
    if of.course.step == "base":
        ground(of)
    if of.course.step != "finish":
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
            void_letters(of, people)
        of.course.step = "finish"
        of.note()
