from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.pages.overview_read import ConnectionFacts, OverviewData
from console.pages.overview_view import Overview, QueueLine, overview
from queues.census import Census
from queues.counts import OpenBatch
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy, Waiting, due_at
from tests.support.ops import LAPSED, VIPS, counted
from text.wording import without_people

NOW = 1_767_225_600_000
MINUTE, HOUR = 60_000, 3_600_000


def census(*counts: Any, **more: Any) -> Census:
    known = {"holds": {}, "heartbeat": NOW - 1000, "workers": {"a": "idle", "b": "busy", "c": "idle"}}
    return Census(at=NOW, queues=counts, **{**known, **more})


def shown(census: Census, names: Iterable[str], **more: Any) -> Overview:
    """What the page shows of a census; the connections of these names, and those with queues, have a key."""
    every = {*names, *census.holds, *(count.queue.connection for count in census.queues)}
    known = [
        ConnectionFacts(name, f"account of {name}", "its key comes from the environment") for name in sorted(every)
    ]
    return overview(OverviewData(census, **{"connections": known, **more}))


def line(waiting: Waiting = Waiting(0), **more: Any) -> QueueLine:  # noqa: B008 - it is frozen
    (found,) = shown(census(counted(waiting=waiting, **more)), []).queues
    return found


def test_bars_fill_to_the_size_and_to_the_age() -> None:
    found = line(Waiting(50, NOW - 4 * HOUR))
    assert (found.size.filled, found.size.full, found.size.told) == (50, 100, "50 of 100")
    assert found.age is not None
    assert (found.age.filled, found.age.full, found.age.told) == (4 * HOUR, 16 * HOUR, "4h 0m of 16h 0m")
    assert (found.oldest, found.fires, found.when) == ("4h 0m", "by age", "in 12h 0m")


def test_the_clock_of_the_age_begins_with_the_last_upload_where_that_was_earlier() -> None:
    found = line(Waiting(1, NOW - HOUR, NOW - 9 * HOUR))
    assert found.age is not None
    assert (found.oldest, found.age.filled, found.when) == ("1h 0m", 9 * HOUR, "in 7h 0m")


def test_where_nothing_waits_there_is_no_clock_and_nothing_fires() -> None:
    found = line()
    assert (found.size.filled, found.age, found.oldest, found.fires, found.when) == (0, None, "", "", "")


ages = st.integers(1, 1_000 * HOUR)


@given(pending=st.integers(1, 500), size=st.integers(1, 200), age=ages, oldest=ages, uploaded=st.none() | ages)
def test_a_bar_is_never_more_than_full_and_one_is_full_exactly_when_the_queue_is_due(
    pending: int, size: int, age: int, oldest: int, uploaded: int | None
) -> None:
    waiting = Waiting(pending, NOW - oldest, None if uploaded is None else NOW - uploaded)
    policy = FlushPolicy(size, age)
    found = line(waiting, policy=policy)
    assert found.age is not None
    bars = (found.size, found.age)
    assert all(0 <= bar.filled <= bar.full for bar in bars)
    due = due_at(waiting, policy)
    assert due is not None
    assert any(bar.filled == bar.full for bar in bars) == (due <= NOW) == (found.when == "now")


def test_what_is_full_or_asked_for_goes_now() -> None:
    full, asked = line(Waiting(250, NOW)), line(Waiting(5, NOW, None, 5))
    assert (full.size.filled, full.size.told, full.fires, full.when) == (100, "250 of 100", "by size", "now")
    assert (asked.fires, asked.when) == ("by operator", "now")


def test_three_open_batches_are_told_with_stage_and_try_and_the_others_counted() -> None:
    opened = [OpenBatch(f"07-{n}", NOW - 12_000, 10, "size", "confirm", n, held=True, ring=NOW) for n in range(5)]
    found = line(open=50, batches=tuple(opened))
    assert found.open == 50
    assert found.batches == ["confirm 12s", "confirm 12s, attempt 2", "confirm 12s, attempt 3", "and 2 batches"]
    assert line(open=10, batches=tuple(opened[:1])).batches == ["confirm 12s"]


def test_what_is_tried_again_is_said_with_why_and_what_to_look_at_unless_it_is_held_or_waits_for_a_limit() -> None:
    def opened(trouble: str, attempts: int = 0) -> OpenBatch:
        return OpenBatch("07-ab", NOW - 12_000, 10, "size", "upload", attempts, held=False, ring=NOW, trouble=trouble)

    away, full = counted(batches=(opened("network:ConnectError"),)), counted(LAPSED, batches=(opened("own_limit"),))
    found = shown(census(away, full), [])
    (trouble,) = found.trouble
    assert trouble.startswith(
        "1 open batch failed: network:ConnectError. Ferry retries automatically, and nothing is lost."
    )
    told = {queue.id: queue.batches for queue in found.queues}
    assert told == {
        str(VIPS): ["upload 12s, again after network:ConnectError"],
        str(LAPSED): ["upload 12s, again after own_limit"],
    }
    assert line(batches=(opened("http_503", 2),)).batches == ["upload 12s, attempt 3 after http_503"]
    held = replace(away, hold=Hold("list_gone", NOW))
    assert shown(census(held), []).trouble == []


def test_delivered_and_dead_are_told_with_what_became_of_the_rest() -> None:
    found = line(Waiting(0, None, NOW - 2 * HOUR), landed=NOW - HOUR, delivered=7, superseded=2, dead=5, kept=3)
    assert (found.delivered, found.delivered_more) == (7, ["+2 superseded", "1h 0m ago"])
    assert (found.letters, found.letters_gone) == (3, ["+2 purged"])


def test_a_hold_on_a_queue_stands_with_it_and_one_on_its_connection_with_that() -> None:
    on_queue = counted(hold=Hold("list_gone", NOW - MINUTE, "Restore the list."), waiting=Waiting(5, NOW))
    held = {"brand-b": Hold("unauthenticated", NOW - HOUR, "Give it a key.", probed=True)}
    found = shown(census(counted(LAPSED), on_queue, holds=held), ["default"])
    by_name = {queue.id: queue for queue in found.queues}
    lapsed, vips = by_name[str(LAPSED)], by_name[str(VIPS)]
    assert vips.hold is not None
    assert (vips.hold.on, vips.hold.reason, vips.hold.lasts) == (str(VIPS), "list_gone", "1m")
    assert vips.hold.what_to_do == "Restore the list."
    assert (lapsed.is_held, lapsed.hold, vips.fires) == (True, None, "held")
    brand, default = found.connections
    assert (brand.name, default.name, default.hold) == ("brand-b", "default", None)
    assert brand.hold is not None
    assert brand.hold.what_to_do == "Give it a key. Ends automatically when the cause is gone."


def test_connections_are_those_configured_those_with_queues_and_those_held() -> None:
    queues = (counted(waiting=Waiting(3, NOW)), counted(Queue("default", "event", "events"), waiting=Waiting(4, NOW)))
    found = shown(census(*queues, counted(LAPSED), holds={"gone": Hold("forbidden", NOW)}), ["default", "quiet"])
    told = [(each.name, each.queues, each.pending) for each in found.connections]
    assert told == [("gone", 0, 0), ("brand-b", 1, 0), ("default", 2, 7), ("quiet", 0, 0)], "what is held comes first"


def test_processes_are_alive_or_cried_out() -> None:
    found = shown(census(), [])
    assert (found.scheduler, found.workers, found.trouble) == ("ticked 1s ago", "1 busy, 2 idle", [])
    assert found.scheduler_alive
    assert found.workers_alive
    none = shown(census(heartbeat=None, workers={}), [])
    assert (none.scheduler, none.workers, none.scheduler_alive, none.workers_alive) == ("none", "none", False, False)
    assert [told.split(":")[0] for told in none.trouble] == [
        "No scheduler ran within the last minute",
        "No worker is running",
    ]


def test_the_equation_stands_there_and_says_when_it_does_not_hold() -> None:
    right = counted(accepted=10, delivered=10)
    assert shown(census(right), []).adds_up
    wrong = shown(census(replace(right, accepted=11)), [])
    assert not wrong.adds_up
    assert f"DOES NOT ADD UP in {VIPS}" in wrong.equation


def test_of_very_many_queues_those_that_need_a_look_are_shown() -> None:
    quiet = [counted(Queue("default", "audience", f"{n:03d}")) for n in range(300)]
    last = Queue("default", "audience", "zz-held"), Queue("default", "audience", "zz-dead"), Queue("z", "event", "due")
    urgent = (
        counted(last[0], hold=Hold("list_gone", NOW)),
        counted(last[1], dead=1, kept=1, accepted=1),
        counted(last[2], waiting=Waiting(1, NOW), accepted=1),
    )
    found = shown(census(*quiet, *urgent), [])
    assert (len(found.queues), found.hidden) == (200, 103)
    ids = [queue.id for queue in found.queues]
    assert ids[:2] == [str(last[0]), str(last[1])], "what is held first, then dead letters"
    assert ids[2:] == sorted(ids[2:]), "a row that is looked at again stays where it is"
    assert ids[-1] == str(last[2])
    assert (found.held, found.dying) == (1, 1)


def test_a_queue_that_is_tried_again_stands_before_those_with_dead_letters() -> None:
    again = OpenBatch("07-ab", NOW, 10, "size", "upload", 0, held=False, ring=NOW, trouble="http_503")
    dying, stuck = counted(LAPSED, dead=1, kept=1, accepted=1), counted(batches=(again,))
    assert [queue.id for queue in shown(census(dying, stuck), []).queues] == [str(VIPS), str(LAPSED)]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("ask ann@example.com first", "ask *** first"),
        ("call +49 (151) 234-56789 or 4155552671", "call *** or ***"),
        ("list_gone", "list_gone"),
        ("migration of 2026-01 until 18:00", "migration of 2026-01 until 18:00"),
    ],
)
def test_a_reason_is_shown_without_addresses_and_phone_numbers(written: str, shown: str) -> None:
    assert without_people(written) == shown
