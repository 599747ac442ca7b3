from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from commands.syncs import campaigns, document, listing
from ops.audit_format import masked, plain
from ops.sync.follow import absent, stuck, waits_behind
from ops.sync.view import counts_table, settled_line
from queues.census import Census
from queues.counts import QueueCount
from queues.holds import Hold
from queues.policy import Waiting
from queues.snapshots.orders import Counts, Record, SnapshotOrder, State, queue_of
from queues.snapshots.records import Outcomes
from tests.support.ops import VIPS, counted

SNAPSHOTS = queue_of("default", "42")
OTHERS = queue_of("default", "43")


def printed(what: Any, width: int = 120) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(what)
    return captured.get()


def record(
    state: State = "delivered", queue: str = str(SNAPSHOTS), campaign: str = "", group: str = "", **n: Any
) -> Record:
    order = SnapshotOrder("07-1", 1_700_000_000_000, "csv", name="VIPs", campaign=campaign, group=group)
    return Record(queue, order, 1_700_000_000_000, 10, state, Counts(**n))


def census(*counts: QueueCount, heartbeat: int | None = 1, held: Hold | None = None) -> Census:
    return Census(2, counts, {"default": held} if held else {}, heartbeat, {"w": "idle"})


@pytest.mark.parametrize(
    ("identity", "shown", "whole"),
    [
        ("email:ann@example.com", "a***@e***.com", "ann@example.com"),
        ("email:a@b.co.uk", "a***@b***.uk", "a@b.co.uk"),
        ("phone_number:+14155552671", "+1***71", "+14155552671"),
        ("external_id:c:17", "c***", "c:17"),
    ],
)
def test_a_person_is_masked_unless_shown(identity: str, shown: str, whole: str) -> None:
    assert (masked(identity), plain(identity)) == (shown, whole)


def test_the_counts_name_each_reason_with_its_first_rows() -> None:
    counts = Counts(
        rows=1_200, customers=1_100, people=1_090, shrink={"email_invalid": 7, "identity_missing": 3}, adds=2
    )
    told = printed(counts_table(counts, {"email_invalid": [4, 1_001]}))
    assert "email_invalid (rows 4, 1,001)" in told
    assert "identity_missing" in told
    assert "identity_missing (row" not in told
    assert "in 1,200 rows" in told
    assert "Expansion" not in told


HOLD = Hold("maintenance", 1, "Ask Ann.")
WAITS = counted(waiting=Waiting(3), hold=HOLD)


@pytest.mark.parametrize(
    ("state", "known", "why"),
    [
        ("queued", census(), None),
        ("comparing", census(held=HOLD), "default is held (maintenance). Ask Ann."),
        ("held", census(counted(SNAPSHOTS, hold=HOLD)), "default/snapshot/42 is held"),
        ("queued", census(WAITS), "default/audience/42 is held"),
        ("queued", census(counted(hold=HOLD)), None),
        ("comparing", census(WAITS), None),
        ("queued", census(counted(OTHERS, hold=HOLD)), None),
    ],
)
def test_waiting_ends_where_nothing_would_come_of_it(state: State, known: Census, why: str | None) -> None:
    told = stuck(record(state), VIPS, known)
    assert told is None if why is None else told is not None and told.startswith(why)


def test_a_snapshot_whose_own_changes_wait_names_the_hold_until_they_are_settled() -> None:
    delivering = record("delivering")
    delivering.ended, delivering.outcomes = 1, Outcomes(3, pending=3)
    told = waits_behind(delivering, VIPS, census(WAITS))
    assert told is not None
    assert told.startswith("default/audience/42 is held (maintenance). Ask Ann.")
    assert told.endswith("To release it: ferry release default/audience/42")
    delivering.outcomes = Outcomes(3, delivered=3)
    assert waits_behind(delivering, VIPS, census(WAITS)) is None


@pytest.mark.parametrize(
    ("known", "why"),
    [
        (census(), None),
        (census(heartbeat=None), "no scheduler is running"),
        (Census(2, (), {}, 1, {}), "no worker is running"),
    ],
)
def test_a_process_that_is_not_there_is_named(known: Census, why: str | None) -> None:
    told = absent(known)
    assert told is None if why is None else told is not None and told.startswith(why)


def test_a_record_for_programs_has_times_in_words_and_its_audience() -> None:
    told = document(record(campaign="Autumn", group="A", adds=2))
    assert (told["audience"], told["snapshot"]) == ("default/audience/42", "07-1")
    assert (told["since"], told["at"], told["ended"]) == ("2023-11-14T22:13:20.000Z", "2023-11-14T22:13:20.000Z", None)
    assert (told["order"]["campaign"], told["counts"]["adds"]) == ("Autumn", 2)


def test_of_a_campaign_the_newest_of_each_group_that_was_carried_out_are_summed_up() -> None:
    records = [
        record(campaign="Autumn", group="A", state="held", people=9),
        record(campaign="Autumn", group="A", people=5, adds=1),
        record(campaign="Autumn", group="A", people=4, adds=4),
        record(queue=str(OTHERS), campaign="Autumn", group="B", people=2, adds=2),
        record(people=100),
    ]
    assert list(campaigns(records)) == ["\nAutumn: 2 lists; 7 people, 3 adds; 0 rejected."]
    told = printed(listing(records, {str(SNAPSHOTS): "VIPs"}, 1_700_000_060_000))
    assert "Autumn / B" in told
    assert "VIPs" in told
    assert "1\u00a0min ago" in told


def test_below_the_list_stands_what_became_of_the_changes_of_a_run() -> None:
    run = record("failed", adds=160, removals=5)
    run.outcomes = Outcomes(
        165, delivered=157, imported=1, superseded=2, dead=2, pending=3, not_found=1, reasons={"email_invalid": 2}
    )
    run.error = "2 of its changes are dead letters"
    shown = " ".join(printed(listing([run], {}, 1_700_000_060_000), 300).split())
    assert (
        "failed 1 min ago of 42, snapshot 07-1: 2 of its changes are dead letters. 3 changes not settled yet. "
        "2 dead letters (email_invalid). 2 changes superseded. 1 change imported, but the list was not checked. "
        "1 person to remove not found on the list"
    ) in shown


def test_a_list_that_was_not_checked_is_not_said_to_equal_the_result() -> None:
    done = record("delivered")
    done.outcomes = Outcomes(1, delivered=1)
    assert settled_line(done, "result").startswith("Delivered. Klaviyo's list was checked for each change")
    assert settled_line(record("imported"), "result").endswith('was not checked, because prove is not "all".')


def test_a_file_without_changes_is_not_said_to_equal_a_list_that_nobody_read() -> None:
    told = settled_line(record("delivered", people=3, unchanged=3), "file")
    assert told.startswith("No changes: by Ferry's record of the list, the people of the file are on it.")
    assert told.endswith("ferry reconcile 42")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("held", "would add 6, update 0 and remove 41"),
        ("superseded", "would have added 6, updated 0 and removed 41"),
        ("failed", "would have added 6, updated 0 and removed 41"),
    ],
)
def test_what_did_not_happen_is_not_said_to_have(state: State, said: str) -> None:
    planned = record(state, people=8, adds=6, removals=41)
    shown = " ".join(printed(listing([planned], {}, 1_700_000_060_000), 300).split())
    assert "8 - - - 0" in shown
    assert said in shown
    told = " ".join(printed(counts_table(Counts(adds=6, removals=41), {}, planned=True)).split())
    assert "Would add 6" in told
    assert "Would remove 41" in told


def test_what_was_carried_out_in_part_has_its_figures() -> None:
    half = record("superseded", people=8, adds=6)
    half.outcomes = Outcomes(4, delivered=4)
    shown = " ".join(printed(listing([half], {}, 1_700_000_060_000), 300).split())
    assert "8 6 0 0 0" in shown
    assert "would" not in shown


def test_members_who_may_be_people_of_the_file_are_counted_apart() -> None:
    told = " ".join(printed(counts_table(Counts(people=2, adds=2, kept=2), {})).split())
    assert "Kept 2 because they may be people of the snapshot under another identifier" in told
    assert "2 members kept, because" in " ".join(printed(listing([record(kept=2)], {}, 1), 300).split())


def test_who_would_leave_once_a_person_confirms_it_has_not_left() -> None:
    held = record("held", people=2, adds=2, removals=1, kept=4, leaving=3)
    held.outcomes = Outcomes(3, delivered=3)
    shown = " ".join(printed(listing([held], {}, 1_700_000_060_000), 300).split())
    assert "2 2 0 1 0" in shown
    assert "would remove 3 more. 1 member kept" in shown
    assert held.counts
    told = " ".join(printed(counts_table(held.counts, {})).split())
    assert "Removed 1 Would remove 3 besides" in told
    assert "Kept 1 because" in told


def test_no_snapshots_are_said_to_be_none() -> None:
    assert "No snapshots." in printed(listing([], {}, 1))


def test_in_80_columns_no_word_is_cut_and_an_error_is_told_below_whole() -> None:
    refused = record("failed", queue=str(queue_of("brand-b", "42")), removals=1_000)
    refused.error = "snapshot_unreadable: line 3 has 4 columns, and the header names 2"
    told = printed(listing([refused, record("superseded")], {str(SNAPSHOTS): "VIPs"}, 1_700_000_060_000), 80)
    for word in ("superseded", "brand-b/42", "VIPs", "1,000", "snapshot 07-1", refused.error):
        assert word in " ".join(told.split())
    assert max(map(len, told.splitlines())) <= 80
    assert len(told.splitlines()) <= 10
