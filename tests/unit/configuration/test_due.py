"""When a query runs: crontab in the user's time zone, intervals, missed slots."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.due import Schedule, check, delay_ms, due, following, slots

HOUR = 3_600_000


def ms(text: str) -> int:
    """ISO 8601 in UTC -> ms."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def first(cron: str, zone: str, after: str, most: int = 3) -> list[str]:
    """The next slots, in UTC."""
    found = islice(slots(Schedule(cron, None, zone), ms(after)), most)
    return [f"{datetime.fromtimestamp(slot / 1000, UTC):%Y-%m-%dT%H:%M}" for slot in found]


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        # Sunday is 0 and 7; days of the month and weekdays are alternatives.
        ("0 9 * * 0", "UTC", "2026-11-02", ["2026-11-08T09:00", "2026-11-15T09:00"]),
        ("0 9 * * 7", "UTC", "2026-11-02", ["2026-11-08T09:00", "2026-11-15T09:00"]),
        ("0 9 * * 1-5", "UTC", "2026-11-06T10:00", ["2026-11-09T09:00", "2026-11-10T09:00"]),
        ("30 6 * * mon-fri", "Europe/Berlin", "2026-12-04T06:00", ["2026-12-07T05:30", "2026-12-08T05:30"]),
        ("0 9 13 * 5", "UTC", "2026-11-10", ["2026-11-13T09:00", "2026-11-20T09:00"]),
        ("0 0 29 2 *", "UTC", "2026-01-01", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        # Berlin, 25 October 2026: 02:00 to 03:00 comes twice. A daily slot comes once, an hourly one each hour.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30", ["2026-10-26T01:30", "2026-10-27T01:30"]),
        ("0 * * * *", "Europe/Berlin", "2026-10-24T23:30", ["2026-10-25T00:00", "2026-10-25T01:00"]),
        # Berlin, 28 March 2027: 02:00 to 03:00 is left out.
        ("30 2 * * *", "Europe/Berlin", "2027-03-27T12:00", ["2027-03-28T01:00", "2027-03-29T00:30"]),
        ("0 * * * *", "Europe/Berlin", "2027-03-28T00:30", ["2027-03-28T01:00", "2027-03-28T02:00"]),
        # A line whose minute or hour begins with * follows the clock: such times come twice, or not at all.
        ("0 */2 * * *", "Europe/Berlin", "2026-10-24T23:00", ["2026-10-25T00:00", "2026-10-25T01:00"]),
        ("0 */2 * * *", "Europe/Berlin", "2027-03-27T23:00", ["2027-03-28T02:00", "2027-03-28T04:00"]),
        ("*/30 2 * * *", "Europe/Berlin", "2026-10-24T23:30", [f"2026-10-25T0{n}" for n in ("0:00", "0:30", "1:00")]),
        ("*/30 2 * * *", "Europe/Berlin", "2027-03-27T23:00", ["2027-03-29T00:00", "2027-03-29T00:30"]),
        # New York, 1 November 2026: 01:00 to 02:00 comes twice.
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00", ["2026-11-01T05:30", "2026-11-02T06:30"]),
        ("*/30 * * * *", "America/New_York", "2026-11-01T05:30", ["2026-11-01T06:00", "2026-11-01T06:30"]),
    ],
)
def test_a_crontab_means_what_cron_means(cron: str, zone: str, after: str, expected: list[str]) -> None:
    assert first(cron, zone, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("cron", "part"),
    [
        ("0 0 30 2 *", "day-of-month"),
        ("61 * * * *", "minute"),
        ("* * * * * *", "five fields"),
        ("@daily", "five fields"),
    ],
)
def test_a_line_that_never_comes_is_refused(cron: str, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        check(cron)


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("*/90 * * * *", "the step 90 is more than the 60 values of the field minute; use every"),
        ("0 */48 * * *", "the step 48 is more than the 24 values of the field hour"),
        ("0 0 1,*/32 * *", "field day"),
        ("0 0 1 1-12/13 *", "field month"),
        ("0 0 * * mon-fri/8", "field weekday"),
    ],
)
def test_a_step_beyond_its_field_is_refused(cron: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check(cron)


def test_a_step_within_its_field_is_taken() -> None:
    for cron in ("*/60 * * * *", "0 */24 * * *", "5/20 0-12/6 */2 */3 */2"):
        check(cron)


def test_an_interval_has_the_same_slots_at_every_scheduler() -> None:
    every = Schedule(None, 7_200, "UTC")
    assert (
        following(every, ms("2026-12-01T01:00"))
        == following(every, ms("2026-12-01T01:59:59"))
        == ms("2026-12-01T02:00")
    )


def test_a_query_without_a_schedule_is_never_due() -> None:
    assert following(Schedule(None, None, "UTC"), 0) is None
    assert due(Schedule(None, None, "UTC"), 0, HOUR) is None


def test_of_many_missed_slots_only_the_newest_counts() -> None:
    hourly = Schedule("0 * * * *", None, "UTC")
    found = due(hourly, ms("2025-01-01T00:00"), ms("2026-12-01T10:20"))
    assert found is not None
    assert (found.slot, found.runs, found.next) == (ms("2026-12-01T10:00"), True, ms("2026-12-01T11:00"))
    assert due(hourly, ms("2026-12-01T11:00"), ms("2026-12-01T10:59:59")) is None


@pytest.mark.parametrize(
    ("catch_up_s", "now", "runs"),
    [
        (None, "2026-12-01T17:59", True),  # a daily query: at most 12 h
        (None, "2026-12-01T18:01", False),
        (3_600, "2026-12-01T06:59", True),
        (3_600, "2026-12-01T07:01", False),
        (0, "2026-12-01T06:00:40", True),  # a tick may be late
        (0, "2026-12-01T06:02", False),
    ],
)
def test_a_slot_beyond_the_catch_up_is_missed(catch_up_s: int | None, now: str, runs: bool) -> None:
    found = due(Schedule("0 6 * * *", None, "UTC", catch_up_s), ms("2026-12-01T06:00"), ms(now))
    assert found is not None
    assert (found.runs, found.next) == (runs, ms("2026-12-02T06:00"))


def test_the_jitter_is_the_same_every_time_and_below_its_limit() -> None:
    delays = {name: delay_ms(name, 5) for name in ("vips", "lapsed", "all")}
    assert delays == {name: delay_ms(name, 5) for name in delays}
    assert all(0 <= delay < 5 * 60_000 for delay in delays.values())
    assert len(set(delays.values())) > 1
    assert delay_ms("vips", 0) == 0


@given(st.integers(ms("2026-01-01"), ms("2028-01-01")), st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"]))
def test_a_daily_slot_comes_once_a_day_whatever_the_clocks_do(after: int, zone: str) -> None:
    found = [*islice(slots(Schedule("30 2 * * *", None, zone), after), 3)]
    assert all(22 * HOUR <= later - slot <= 26 * HOUR for slot, later in pairwise(found))
    assert 0 < found[0] - after <= 26 * HOUR
