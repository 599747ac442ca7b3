from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import Reason, Unfit
from mappings.values import clamp, to_iso

_MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))  # noqa: DTZ001  # each test gives them a zone
_AFTER_1973 = st.integers(100_000_000_000, 253_402_300_799_999)


@pytest.mark.parametrize(
    ("value", "iso"),
    [
        ("2024-09-11T20:08:49.8919123123Z", "2024-09-11T20:08:49.891Z"),
        ("2024-09-11T20:08:49.9999Z", "2024-09-11T20:08:49.999Z"),
        ("2024-07-22T20:08:49.79Z", "2024-07-22T20:08:49.790Z"),
        ("2024-07-22T20:08:49Z", "2024-07-22T20:08:49.000Z"),
        ("2024-07-22T20:08Z", "2024-07-22T20:08:00.000Z"),
        ("2024-07-22t20:08:49z", "2024-07-22T20:08:49.000Z"),
        ("2024-07-22 20:08:49.5", "2024-07-22T20:08:49.500Z"),
        ("2024-07-22T20:08:49+05:30", "2024-07-22T14:38:49.000Z"),
        ("2024-07-22T20:08:49-0800", "2024-07-23T04:08:49.000Z"),
        ("2024-07-22", "2024-07-22T00:00:00.000Z"),
        (" 2024-07-22 ", "2024-07-22T00:00:00.000Z"),
        (1700000000, "2023-11-14T22:13:20.000Z"),
        ("1700000000", "2023-11-14T22:13:20.000Z"),
        (1700000000000, "2023-11-14T22:13:20.000Z"),
        ("1700000000000", "2023-11-14T22:13:20.000Z"),
        (1700000000.891, "2023-11-14T22:13:20.891Z"),
        ("1700000000.8919123123", "2023-11-14T22:13:20.891Z"),
        (1700000000891.9, "2023-11-14T22:13:20.891Z"),
        (99_999_999_999, "5138-11-16T09:46:39.000Z"),
        (100_000_000_000, "1973-03-03T09:46:40.000Z"),
        (0, "1970-01-01T00:00:00.000Z"),
    ],
)
def test_a_moment_has_one_form_however_it_came(value: object, iso: str) -> None:
    assert to_iso(value) == iso


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "yesterday", "2024-13-01", "2023-02-29", "2024-07-22T25:00:00Z", "2024-07-22T20:08:49+25:00"),
        *("0001-01-01T00:00:00+01:00", "Mon, 22 Jul 2024", "1e9", "-5", "+1700000000", "1_700_000_000", "\ud800"),
        *("1700000000000000", "999999999999999", 10**15, -1, float("nan"), float("inf")),
        *(True, None, [], {}, ["2024-07-22"]),
    ],
)
def test_what_is_no_moment_is_unfit(value: object) -> None:
    with pytest.raises(Unfit) as caught:
        to_iso(value)
    assert caught.value.reason is Reason.TIME_INVALID


def test_a_number_too_long_to_be_written_out_is_unfit() -> None:
    with pytest.raises(Unfit):
        to_iso(10**5_000)


@given(_MOMENTS, st.integers(-840, 840), st.text("0123456789", min_size=1, max_size=12))
def test_any_moment_with_any_offset_and_fraction_is_cut_to_its_millisecond(
    moment: datetime, minutes: int, fraction: str
) -> None:
    whole = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    text = f"{whole.isoformat()[:19]}.{fraction}{whole.isoformat()[19:]}"
    expected = whole.astimezone(UTC) + timedelta(milliseconds=int(fraction[:3].ljust(3, "0")))
    assert to_iso(text) == expected.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@given(_AFTER_1973)
def test_milliseconds_are_never_rounded(milliseconds: int) -> None:
    expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    found = {to_iso(value) for value in (milliseconds, str(milliseconds), f"{milliseconds}.999")}
    assert found == {expected.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


@given(_MOMENTS)
def test_the_form_read_again_is_itself(moment: datetime) -> None:
    iso = to_iso(moment.replace(tzinfo=UTC).isoformat())
    assert to_iso(iso) == iso


@given(st.one_of(st.text(), st.floats(), st.integers(), st.lists(st.none(), max_size=1)))
def test_nothing_but_unfit_is_raised(value: Any) -> None:
    try:
        iso = to_iso(value)
    except Unfit:
        return
    assert len(iso) == len("2024-09-11T20:08:49.891Z")


NOW = 1_800_000_000_000
_2015 = 1_420_070_400_000


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (None, (NOW, False)),
        (NOW, (NOW, False)),
        (NOW - 1, (NOW - 1, False)),
        (NOW + 1, (NOW, True)),
        (_2015, (_2015, False)),
        (_2015 - 1, (NOW, True)),
        (1_700_000_000, (NOW, True)),
        (0, (NOW, True)),
        (-1, (NOW, True)),
        (1_700_000_000_000.9, (1_700_000_000_000, False)),
        (float("nan"), (NOW, True)),
        (float("inf"), (NOW, True)),
        (float("-inf"), (NOW, True)),
        (10**400, (NOW, True)),
    ],
)
def test_a_time_that_cannot_be_is_now(told: float | None, expected: tuple[int, bool]) -> None:
    assert clamp(told, NOW) == expected


@given(st.none() | st.integers() | st.floats(), st.integers(_2015, 10**13))
def test_no_change_is_of_the_future_or_of_before_2015_and_what_is_clamped_once_stays(
    told: float | None, now: int
) -> None:
    at, _ = clamp(told, now)
    assert _2015 <= at <= now
    assert clamp(at, now) == (at, False)
