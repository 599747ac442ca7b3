from __future__ import annotations

from typing import Any

import pytest

from console.pages.act_view import flushing, holding, releasing
from console.pages.holds_view import HoldGroup, groups, ordered, steps
from console.pages.last_action import done
from console.pages.queue_view import QueueView, upload, view
from console.target import connection_place, queue_place
from queues.audit import DONE, AuditEntry
from queues.census import Census
from queues.counts import OpenBatch
from queues.history.settled import BatchOutcomes, ChangeColumns, ImportRows, Settled
from queues.holds import CONFIRMED, Hold, Owned
from queues.names import Queue
from queues.owners import LIST_OWNED
from queues.policy import FlushPolicy, Waiting
from queues.snapshots.guard import GUARD
from tests.support.ops import LAPSED, VIPS, counted
from text.wording import duration

NOW = 1_767_225_600_000
MINUTE, HOUR = 60_000, 3_600_000
SNAPSHOTS = Queue("default", "snapshot", "42")
OWNED = Hold(LIST_OWNED, NOW, "Name another list", owned=Owned("L1", "default/audience/9", "VIPs"))


def census(*counts: Any, **more: Any) -> Census:
    known = {"holds": {}, "heartbeat": NOW - 1000, "workers": {"a": "idle"}}
    return Census(at=NOW, queues=counts, **{**known, **more})


def seen(waiting: Waiting = Waiting(0), *, held: bool = False, **more: Any) -> QueueView:  # noqa: B008 - it is frozen
    count = counted(waiting=waiting, **more)
    return view(count, census(count, holds={"default": Hold("x", NOW)} if held else {}), FlushPolicy(upload_max=500))


def opened(**more: Any) -> OpenBatch:
    known = {"taken": NOW - 12_000, "count": 10, "reason": "size", "stage": "confirm", "attempts": 1, "held": False}
    return OpenBatch("07-ab", **{**known, "ring": NOW + MINUTE, **more})


@pytest.mark.parametrize(
    ("waiting", "told", "due"),
    [
        (Waiting(0), "No pending changes.", None),
        (
            Waiting(1, NOW - HOUR),
            f"1 change is taken by age, in {duration(15 * HOUR)}; at once when 99 more come.",
            NOW + 15 * HOUR,
        ),
        (Waiting(250, NOW), "250 changes are taken by size, now.", NOW),
        (Waiting(50, NOW, None, 20), "20 changes are taken by operator, now.", NOW),
        (Waiting(50, NOW - 20 * HOUR), "50 changes are taken by age, now; at once when 50 more come.", NOW),
    ],
)
def test_what_happens_next_is_a_sentence_with_its_time(waiting: Waiting, told: str, due: int | None) -> None:
    found = seen(waiting)
    assert (found.next, found.due) == (told, due)


def test_the_last_upload_is_one_that_klaviyo_took() -> None:
    taken = Waiting(0, None, NOW - MINUTE)
    assert seen(taken).uploaded is None
    assert seen(taken, landed=NOW - HOUR).uploaded == NOW - HOUR


def test_as_many_are_said_to_go_as_the_next_flush_takes() -> None:
    count = counted(waiting=Waiting(250, NOW))
    told = view(count, census(count), FlushPolicy()).next
    assert told == "200 changes are taken by size, now.", "two uploads of a hundred; fifty go on waiting"


def test_what_is_due_and_waits_for_open_batches_is_not_said_to_go_now() -> None:
    found = seen(Waiting(250, NOW), open=10, batches=(opened(),))
    assert found.next == "250 changes are taken by size, when open batches allow."


def test_behind_a_hold_nothing_happens() -> None:
    found = seen(Waiting(7, NOW), held=True, batches=(opened(),), open=10)
    assert (found.next, found.due) == ("7 changes are pending. Nothing is taken until the hold ends.", None)
    assert [hold.on for hold in found.holds] == ["default"]
    assert found.batches[0].ring == "waits for release"


def test_an_open_batch_is_told_with_who_has_it_and_when_it_goes_on() -> None:
    late, lent = opened(ring=NOW - 1), opened(held=True)
    found = seen(open=30, batches=(opened(), late, lent))
    assert [line.ring for line in found.batches] == [
        "a worker takes it up in 1\u00a0min",
        "a worker takes it up now",
        "a worker has it; if it stops, another one continues in 1\u00a0min",
    ]
    assert (found.batches[0].lasts, found.batches[0].stage, found.batches[0].failed) == ("12\u00a0s", "confirm", 1)


def test_the_account_is_of_this_queue_alone() -> None:
    count = counted(accepted=5, delivered=5, dead=0, kept=0, left_out={"phone_invalid": 2})
    told = view(count, census(count, counted(LAPSED, accepted=9)), FlushPolicy())
    assert (told.equation.split(" = ")[0], told.adds_up) == ("5 accepted", True)
    assert "phone_invalid 2" in told.left_out


def test_the_policy_is_that_of_the_ledger_with_the_largest_upload_configured() -> None:
    told = seen(policy=FlushPolicy(10, 90 * MINUTE)).policy
    after = f"{duration(90 * MINUTE)} after the last upload or the oldest change"
    assert told == f"10 changes, or {after}; at most 500 in one upload"


def test_an_upload_tells_of_many_jobs_the_first() -> None:
    jobs = tuple(ImportRows(f"job-{n}", tuple(range(n)), int(n == 2)) for n in range(1, 9))
    ends = BatchOutcomes(jobs, {0: None}, {3: "gave_up", 4: "gave_up", 5: "no_email"})
    told = upload(Settled("07-a", "age", NOW, NOW + 61_000, 0, ends, ChangeColumns(b"", bytes(40), [], [], [])))
    assert (told.changes, told.delivered, told.superseded, told.rows, told.took) == (40, 36, 1, 36, "1\u00a0min")
    assert told.dead == ["2 gave_up", "1 no_email"]
    assert told.jobs[:2] == ["job-1: 1 person", "job-2: 2 people, 1 refused"]
    assert told.jobs[5:] == ["and 3 import jobs"]


def test_a_flush_tells_queues_in_which_something_waits_and_what_stops_them() -> None:
    own = counted(waiting=Waiting(250, NOW - MINUTE), hold=Hold("call +49 151 23456789", NOW))
    snapshot = counted(SNAPSHOTS, waiting=Waiting(1, NOW))
    found = census(own, counted(LAPSED, "", waiting=Waiting(1, NOW)), snapshot, counted(Queue("a", "event", "events")))
    held = {"brand-b": Hold("maintenance", NOW)}
    told = [line.effect for line in flushing(found.queues, census(*found.queues, holds=held), lambda _: 100)]
    assert told == [
        "held (call ***): 3 uploads after release",
        "held (maintenance): 1 upload after release",
        "carried out now",
    ]


def test_a_hold_says_what_it_stops_and_a_release_what_goes_on() -> None:
    queue = counted(waiting=Waiting(3, NOW), open=10, batches=(opened(),), hold=Hold("list_gone", NOW))
    found = census(queue, counted(SNAPSHOTS), holds={"default": Hold("unauthenticated", NOW, probed=True)})
    of_queue, of_all = queue_place(found, str(VIPS)), connection_place(found, set(), "default")
    assert next(holding(of_all)) == "2 queues stop."
    assert list(holding(of_queue))[:2] == [
        "3 changes are pending. Pending changes stay in the queue, and new ones are added.",
        "1 batch in progress stops before the next step: 10 changes. Klaviyo completes what it has accepted.",
    ]
    for place in (of_queue, of_all):
        assert next(releasing(place, found)).startswith("Ferry first asks Klaviyo")
    assert "Its connection default is held too" in list(releasing(of_queue, found))[-1]
    assert list(releasing(of_all, found))[-1] == "1 queue has its own hold, which must be released separately."


def test_before_a_list_is_shared_it_is_said_which_and_with_whom() -> None:
    found = census(counted(hold=OWNED))
    place = queue_place(found, str(VIPS))
    assert next(releasing(place, found)) == "After release it uses list L1 together with default/audience/9."


def test_a_hold_is_told_step_by_step() -> None:
    by_person = list(steps(Hold("maintenance", NOW), 0))
    assert by_person[1:] == ["Then release it: the hold does not end automatically."]
    guarded = list(steps(Hold(GUARD, NOW, "Too many leave"), 0))
    assert guarded == ["Too many leave.", "To review its numbers and carry it out, release it."]
    owned = list(steps(OWNED, 0))
    assert owned[1].startswith("The hold ends automatically when")
    assert owned[2:] == ["To let both audiences use the list, release it."]
    probed = Hold("unauthenticated", NOW, "Give it a key.", probed=True)
    assert "3 checks so far" in list(steps(probed, 3))[1]
    assert [any("mParticle" in step for step in steps(probed, times)) for times in (CONFIRMED - 1, CONFIRMED)] == [
        False,
        True,
    ]


def shown_groups(seen: Census) -> list[HoldGroup]:
    """All holds of a census, as their page shows them."""
    every = ordered(seen, {})
    return groups(seen, every, every)


def test_behind_a_hold_stands_what_it_stops() -> None:
    queues = counted(waiting=Waiting(3, NOW), open=2), counted(LAPSED, waiting=Waiting(5, NOW), hold=Hold("x", NOW))
    counted_queues = census(*queues, holds={"default": Hold("y", NOW)})
    connection, queue = (line for group in shown_groups(counted_queues) for line in group.lines)
    assert (connection.path, connection.waits) == (
        "/connections/default",
        "3 changes pending, 2 changes in batches in progress",
    )
    assert (queue.path, queue.waits) == (f"/queues/{LAPSED}", "5 changes pending, 0 changes in batches in progress")


def test_holds_that_no_person_wanted_come_first() -> None:
    queues = counted(hold=Hold("ask Ann", NOW)), counted(LAPSED, hold=Hold("list_gone", NOW, "Restore it."))
    seen = census(*queues, holds={"default": Hold("y", NOW), "brand-b": Hold("x", NOW, "A key.", probed=True)})
    found = ordered(seen, {})
    assert [each.on for each in found] == ["brand-b", str(LAPSED), "default", str(VIPS)]
    assert [group.state for group in shown_groups(seen)] == ["bad", "bad", "warn", "warn"]


def test_holds_with_one_cause_are_one_group_whose_steps_are_said_once() -> None:
    queues = [
        counted(Queue("default", "audience", f"{n}"), hold=Hold("list_gone", NOW, "Restore it.")) for n in range(9)
    ]
    queues += [counted(Queue("default", "audience", f"p{n}"), hold=Hold(f"ask {n}", NOW)) for n in range(9)]
    seen = census(*queues)
    gone, by_people = shown_groups(seen)
    assert (gone.title, gone.what) == ("The Klaviyo list of 9 queues does not exist (list_gone)", "9 queues held")
    assert by_people.title == "9 queues are held by people"
    (part,) = groups(seen, ordered(seen, {}), ordered(seen, {})[:2])
    assert (part.title, len(part.lines)) == (gone.title, 2), "the number of all, also on a page with some of them"
    assert [line.held.reason for line in by_people.lines] == [f"ask {n}" for n in range(9)]


def entry(
    what: str, on: object = VIPS, ago: int = 0, who: str = "web:ann", outcome: str = DONE, **more: int
) -> AuditEntry:
    return AuditEntry("1-1", NOW - ago, who, what, str(on), outcome, more)


def test_what_one_did_last_to_each_is_told_and_nothing_of_others_or_of_long_ago() -> None:
    entries = [
        entry("release", ago=1),
        entry("hold", "default", ago=2, outcome="held already"),
        entry("hold", ago=3),
        entry("hold", "brand-b", who="web:ben"),
        entry("sign-in", ""),
        entry("hold", "brand-c", ago=MINUTE),
    ]
    assert done(entries, "web:ann", NOW) == [
        f"23:59 UTC: You released {VIPS}. Delivery continues.".replace("23:59", "31 Dec 23:59"),
        "31 Dec 23:59 UTC: default was held already; its reason stays.",
    ]
    assert len(done(entries, "web:ann", NOW, {str(VIPS)})) == 1


def test_flushes_of_several_queues_are_told_in_one_sentence() -> None:
    entries = [entry("flush", "a/b/c", changes=2), entry("flush", changes=30), entry("flush", changes=20)]
    (told,) = done(entries, "web:ann", NOW)
    assert "You flushed 32 changes of 2 queues" in told
    assert "no pending changes in a/b/c" in done([entry("flush", "a/b/c", changes=0)], "web:ann", NOW)[0]
