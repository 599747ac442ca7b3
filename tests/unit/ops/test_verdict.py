from __future__ import annotations

from dataclasses import replace

from ops.verdict import judge
from queues.census import Census
from queues.counts import OpenBatch, QueueCount
from queues.holds import Hold
from queues.names import Queue
from queues.policy import Waiting
from queues.server.rollback import Rollback
from queues.snapshots.guard import GUARD
from tests.support.ops import counted

NOW = 1_767_225_600_000
MINUTE = 60_000
RUNNING = Census(NOW, (), {}, NOW - 1_000, {"a": "idle"})


def waiting(number: int, connection: str = "default", pending: int = 3, hold: Hold | None = None) -> QueueCount:
    """A queue with pending changes."""
    queue = Queue(connection, "audience", str(number))
    return counted(queue, waiting=Waiting(pending, NOW - number * MINUTE), accepted=pending, hold=hold)


def failing(number: int, trouble: str = "http_503") -> QueueCount:
    """A queue with a batch that Klaviyo does not take."""
    batch = OpenBatch(f"07-{number}", NOW - 6 * MINUTE, 100, "size", "upload", 3, held=False, ring=NOW, trouble=trouble)
    return replace(waiting(number), open=100, accepted=103, batches=(batch,))


def of(*queues: QueueCount, **other: object) -> Census:
    return replace(RUNNING, queues=queues, **other)  # type: ignore[arg-type]


def plain(text: str) -> str:
    """The text with ordinary spaces."""
    return text.replace("\u00a0", " ")


def causes(census: Census) -> list[tuple[str, str]]:
    return [(cause.state, plain(cause.text)) for cause in judge(census).causes]


def test_a_fresh_installation_is_ready() -> None:
    assert (judge(RUNNING).state, judge(RUNNING).causes) == ("new", ())


def test_all_is_well_when_nothing_is_wrong_and_the_oldest_change_is_named() -> None:
    verdict = judge(of(waiting(7), waiting(9)))
    assert (verdict.state, verdict.sentence) == ("ok", "All well. 6 changes are pending, the oldest for 9\u00a0min.")
    assert judge(of(counted())).sentence == "All well. No changes are pending."


def test_a_refused_key_of_150_queues_is_one_cause() -> None:
    hold = Hold("unauthenticated", NOW - 592 * MINUTE, "Give brand-b another key.", probed=True)
    queues = [waiting(number, "brand-b", pending=40) for number in range(150)]
    verdict = judge(of(waiting(1), *queues, holds={"brand-b": hold}))
    (cause,) = verdict.causes
    assert verdict.sentence.startswith("Delivery is stopped for brand-b. default delivers. Every change is accepted")
    assert plain(cause.text) == (
        "Klaviyo refuses the key of brand-b (unauthenticated) for 9 h 52 min: 150 queues, 6,000 changes wait."
    )
    assert cause.remedy == (
        "Give brand-b another key. Ends automatically when the cause is gone. To release it: ferry release brand-b"
    )


def test_connections_and_queues_that_are_held_for_one_reason_are_one_cause() -> None:
    key = Hold("unauthenticated", NOW, "Another key.", probed=True)
    lists = [waiting(number, hold=Hold("list_gone", NOW - 5 * MINUTE, f"Restore {number}.")) for number in range(4)]
    verdict = judge(of(*lists, waiting(7, "b"), waiting(8, "c"), holds={"b": key, "c": key}))
    assert [plain(cause.text) for cause in verdict.causes] == [
        "Klaviyo refuses the key of 2 connections (unauthenticated) for 0 s: 6 changes wait.",
        "The Klaviyo list of 4 queues does not exist (list_gone) for 5 min: 12 changes wait.",
    ]
    assert verdict.causes[1].remedy == "`ferry holds` lists them.", "each has a remedy of its own"
    assert verdict.sentence.startswith("Delivery is stopped for b, c and 4 queues. ")


def test_what_people_hold_for_many_reasons_is_one_cause_and_the_last() -> None:
    held = [waiting(number, hold=Hold(f"ask {number}", NOW)) for number in range(9)]
    found = causes(of(*held, failing(20)))
    assert [text.partition(":")[0] for _, text in found] == [
        "Klaviyo answers 503; 1 batch of VIPs retries",
        "9 queues are held by people for 0 s",
    ]


def test_of_many_connections_the_number_is_said_first() -> None:
    refused = {f"b{n}": Hold("unauthenticated", NOW, "Another key.", probed=True) for n in range(5)}
    verdict = judge(of(*(waiting(n, f"b{n}") for n in range(5)), holds=refused))
    assert verdict.title == "Delivery is stopped for 5 connections"


def test_what_a_person_holds_needs_attention_and_stops_nothing_else() -> None:
    census = of(waiting(1, hold=Hold("ask ann@example.com", NOW)))
    assert causes(census) == [("warn", "VIPs is held (ask ***) for 0 s: 3 changes wait.")]
    assert judge(census).title == "Ferry delivers; 1 thing needs attention"
    assert plain(judge(census).detail) == "3 changes are pending, the oldest for 1 min."


def test_a_hold_behind_which_nothing_waits_stops_nothing() -> None:
    assert causes(of(counted(hold=Hold("list_gone", NOW, "Restore it."))))[0][0] == "warn"


def test_retries_are_one_cause_for_each_fault() -> None:
    found = causes(of(failing(1), failing(2), failing(3, "timeout"), failing(4, "throttled")))
    assert found == [
        ("warn", "Klaviyo answers 503; 2 batches retry: 200 changes, delayed by 6 min."),
        ("warn", "Klaviyo cannot be reached (timeout); 1 batch of VIPs retries: 100 changes, delayed by 6 min."),
    ]


def test_while_klaviyo_fails_nobody_reads_that_ferry_delivers() -> None:
    assert judge(of(failing(1))).title == "Deliveries are delayed; 1 thing needs attention"
    assert judge(of(failing(1, "throttled"))).title == "All well", "a wait for a limit is not a failure"


def test_a_guarded_snapshot_names_its_audience_and_its_remedy_once() -> None:
    snapshot = Queue("default", "snapshot", "42")
    hold = Hold(GUARD, NOW, "If this is intended, `ferry release default/snapshot/42` carries it out.")
    verdict = judge(of(counted(snapshot, "", waiting=Waiting(1, NOW), accepted=1, hold=hold)))
    assert verdict.title == "Delivery is stopped for 42"
    assert verdict.causes[0].title == f"The snapshot of 42 would remove too many people ({GUARD})"
    assert verdict.causes[0].remedy == hold.resolve


def test_dead_letters_are_one_cause() -> None:
    letters = [counted(Queue("default", "audience", str(number)), kept=3, dead=3, accepted=3) for number in range(5)]
    assert causes(of(*letters)) == [("warn", "15 dead letters in 5 queues.")]
    assert causes(of(letters[0])) == [("warn", "3 dead letters in VIPs.")]


def test_missing_processes_and_data_come_first() -> None:
    fall = Rollback(NOW, 0, 0, 0)
    letters = counted(kept=3, dead=3, accepted=5)
    found = causes(replace(of(letters, fall=fall), heartbeat=None, workers={}))
    assert [state for state, _ in found] == ["bad", "bad", "bad", "bad", "warn"]
    assert found[0][1].startswith("The ledger was emptied")
    assert found[1][1] == "2 changes are unaccounted for in VIPs."
    assert judge(of(letters)).sentence == "The ledger is not complete. The causes say what to do."


def test_a_late_scheduler_needs_attention() -> None:
    late = replace(of(waiting(1)), heartbeat=NOW - 20_000)
    assert causes(late) == [("warn", "The scheduler is late: it ticked 20 s ago.")]


def test_changes_that_are_late_although_nothing_stops_them_need_attention() -> None:
    late = waiting(17 * 60)
    assert causes(of(late, waiting(15 * 60))) == [("warn", "Changes of VIPs are late: by up to 1 h 0 min.")]
    assert causes(of(waiting(16 * 60 + 10))) == [], "a quarter of an hour is normal"
    held = replace(late, hold=Hold("list_gone", NOW, "Restore it."))
    assert [text.split(" (")[0] for _, text in causes(of(held))] == ["The Klaviyo list of VIPs does not exist"]


def test_a_machine_whose_clock_is_off_is_named_and_stops_nothing() -> None:
    verdict = judge(of(waiting(7), clocks={"box-1": 150_000, "box-2": -7_000}))
    assert verdict.state == "warn"
    assert [plain(cause.text) for cause in verdict.causes] == [
        "The clock of box-1 is off: 2 min ahead of Redis's.",
        "The clock of box-2 is off: 7 s behind Redis's.",
    ]
