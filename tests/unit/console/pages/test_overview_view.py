from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from console.pages.connections_read import ConnectionFacts, ConnectionsData
from console.pages.overview_read import OverviewData
from console.pages.overview_view import CauseLine, Overview, Tile, overview
from queues.census import Census
from queues.counts import OpenBatch
from queues.history.hours import HOUR_MS, Hour
from queues.holds import Hold
from queues.policy import Waiting
from queues.rate_limits import EndpointUse
from queues.snapshots.guard import GUARD
from tests.support.ops import LAPSED, VIPS, counted
from text.wording import without_people

NOW = 1_767_225_600_000
MINUTE, HOUR = 60_000, 3_600_000


def census(*counts: Any, **more: Any) -> Census:
    known = {"holds": {}, "heartbeat": NOW - 1000, "workers": {"a": "idle", "b": "busy", "c": "idle"}}
    return Census(at=NOW, queues=counts, **{**known, **more})


def shown(census: Census, **more: Any) -> Overview:
    """What the page shows of a census."""
    return overview(OverviewData(census, **{"connections": ConnectionsData(), **more}))


def tile(caption: str, census: Census, **more: Any) -> Tile:
    (found,) = [each for each in shown(census, **more).tiles if each.caption == caption]
    return found


def cause(census: Census, **more: Any) -> CauseLine:
    (found,) = shown(census, **more).causes
    return found


def test_a_refused_key_is_one_line_with_when_it_is_checked_next_and_where_its_steps_are() -> None:
    hold = Hold("unauthenticated", NOW - HOUR, "Give it a key.", probed=True)
    queues = [counted(replace(LAPSED, target=str(n)), waiting=Waiting(2, NOW), accepted=2) for n in range(150)]
    found = shown(census(counted(), *queues, holds={"brand-b": hold}, next_check=NOW + 2 * MINUTE))
    assert (found.state, found.title) == ("bad", "Delivery is stopped for brand-b")
    assert found.detail == "default delivers. Every change is accepted and kept; none is lost."
    (line,) = found.causes
    assert line.title == "Klaviyo refuses the key of brand-b (unauthenticated)"
    assert (line.since, line.check) == (NOW - HOUR, NOW + 2 * MINUTE)
    assert line.detail == ("150 queues, 300 changes wait. Give it a key. Ends automatically when the cause is gone.")
    assert (line.address, line.label) == ("/holds", "Resolve")


def test_what_a_person_or_the_guard_holds_leads_to_its_release() -> None:
    held = counted(hold=Hold("campaign", NOW), waiting=Waiting(1, NOW), accepted=1)
    line = cause(census(held, next_check=NOW))
    assert (line.address, line.label, line.check) == (f"/queues/{VIPS}/release?next=/", "Release…", None)
    guarded = counted(hold=Hold(GUARD, NOW, "Release it if that is right."))
    assert cause(census(guarded)).label == "Review"


def test_a_retry_leads_to_its_queue_and_letters_to_their_page() -> None:
    again = OpenBatch("07-ab", NOW, 10, "size", "upload", 2, held=False, ring=NOW, trouble="http_503")
    line = cause(census(counted(batches=(again,), open=10, accepted=10)))
    assert line.title == "Klaviyo answers 503; 1 batch of VIPs retries"
    assert (line.address, line.label) == (f"/queues/{VIPS}", "Details")
    assert cause(census(counted(dead=1, kept=1, accepted=1))).address == "/dead"


def test_what_no_page_mends_says_what_to_type() -> None:
    line = cause(census(counted(), workers={}))
    assert line.detail == "Nothing is delivered. Start `ferry worker` or `ferry up`."
    assert line.address == ""


def test_the_tiles_are_sums_of_all_queues() -> None:
    delivering = OpenBatch("07-ab", NOW, 10, "size", "upload", 0, held=True, ring=NOW)
    queues = (counted(waiting=Waiting(5, NOW), open=10, batches=(delivering,), delivered=7), counted(LAPSED, kept=2))
    hours = [Hour(NOW - HOUR_MS, 7, 1)]
    found = {each.caption: (each.parts, each.context) for each in shown(census(*queues), hours=hours).tiles}
    assert found["Pending"] == (["5"], "in 1 of 2 queues")
    assert found["In delivery"] == (["10"], "1 batch")
    assert found["Delivered 24 h"] == (["7"], "7 in total")
    assert found["Dead letters"] == (["2"], "1 new in 24 h")


def test_the_oldest_change_has_its_part_of_the_age_and_the_connection() -> None:
    found = tile("Oldest change", census(counted(waiting=Waiting(1, NOW - 4 * HOUR)), counted(LAPSED)))
    assert found.parts == ["4", "h", "0", "min"]
    assert found.bar is not None
    assert (found.bar.filled, found.bar.full) == (4 * HOUR, 16 * HOUR)
    assert found.context.replace("\u00a0", " ") == "of 16 h 0 min · default"
    assert tile("Oldest change", census()).parts == ["0", "s"]
    late = census(counted(waiting=Waiting(1, NOW - 17 * HOUR)))
    assert tile("Oldest change", late).state == "bad"


def test_the_fullest_limit_and_a_pause_are_on_a_tile() -> None:
    known = [ConnectionFacts("default", "a1", "kept")]
    uses = {"a1": [EndpointUse("get_lists", "minute", 67, 675), EndpointUse("subscribe", "minute", 120, 135)]}
    found = tile("Klaviyo limit", census(), connections=ConnectionsData(known, uses))
    assert (found.parts, found.context, found.state) == (["88", "%"], "subscribe · default", "warn")
    uses["a1"].append(EndpointUse("get_profiles", "minute", 0, 675, 12_000))
    paused = tile("Klaviyo limit", census(), connections=ConnectionsData(known, uses))
    assert paused.context == "paused for 12\u00a0s: get_profiles"


def test_the_equation_stands_there_and_says_when_it_does_not_hold() -> None:
    right = counted(accepted=10, delivered=10)
    assert shown(census(right)).adds_up
    wrong = shown(census(replace(right, accepted=11)))
    assert not wrong.adds_up
    assert f"DOES NOT ADD UP in {VIPS}" in wrong.equation
    assert wrong.title == "The ledger is not complete"


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
