"""Converts times as CDPs write them into the form that Ferry stores and sends."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from mappings.errors import Reason, Unfit

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,30})?", re.ASCII)
_DAY = re.compile(r"\d{8}", re.ASCII)
#: A smaller number counts seconds (until the year 5138), any other milliseconds (since March 1973).
_FIRST_MILLISECONDS = 100_000_000_000
#: ms at the start of 2015: no CDP sends older changes; an earlier time is usually in seconds instead of ms.
_FIRST_CHANGE: Final = 1_420_070_400_000


def to_iso(value: object) -> str:
    """Return the time as `2024-09-11T20:08:49.891Z`: in UTC, cut (not rounded) to milliseconds.

    `value`: ISO 8601 text (without an offset UTC, without a time midnight), or seconds or milliseconds since 1970, as a
    number or as text. Raises Unfit(time_invalid) for anything else.
    """
    try:
        text = str(value).strip() if isinstance(value, str | int | float) else ""
        moment = _since_epoch(Decimal(text)) if _NUMBER.fullmatch(text) else _written_out(text)
    except (ValueError, OverflowError) as error:
        raise Unfit(Reason.TIME_INVALID) from error
    # strftime leaves out the leading zeros of early years on some platforms.
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def to_ms(value: str | float) -> float:
    """Return the stated time of a change in ms, even an impossible one (see `clamp`).

    `value`: ms since 1970 as a number or as digits, or ISO 8601 text, in UTC without a zone. Eight digits are a date
    (`20260101`), because as ms they would be in 1970. Raises ValueError for text that is not a time.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _NUMBER.fullmatch(text) and not _DAY.fullmatch(text):
        return float(text)
    try:
        return int(_with_zone(text).timestamp() * 1000)
    except ValueError:
        raise ValueError("neither ISO 8601 nor ms since 1970") from None


def clamp(ms: float | None, now: int) -> tuple[int, bool]:
    """Return the time in ms at which a change counts as made, and whether it differs from the time that the CDP stated.

    `ms`: the stated time, None without one. `now`: ms of its arrival, which replaces an impossible time: one in the
    future would win over later changes, and one before 2015 would lose to all earlier ones.
    """
    if ms is None:
        return now, False
    if _FIRST_CHANGE <= ms <= now:
        return int(ms), False
    return now, True


def _since_epoch(number: Decimal) -> datetime:
    milliseconds = number if number >= _FIRST_MILLISECONDS else number * 1000
    return _EPOCH + timedelta(milliseconds=int(milliseconds))


def _written_out(text: str) -> datetime:
    return _with_zone(text).astimezone(UTC)


def _with_zone(text: str) -> datetime:
    moment = datetime.fromisoformat(text.upper())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
