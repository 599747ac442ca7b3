"""Moments as CDPs write them, in the one form that Ferry stores and sends."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from mappings.errors import Reason, Unfit

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,30})?", re.ASCII)
_DAY = re.compile(r"\d{8}", re.ASCII)
#: Below it a number counts seconds (until the year 5138), from it on milliseconds (since March 1973).
_FIRST_MILLISECONDS = 100_000_000_000
#: ms of 2015: no CDP tells of changes before it, and seconds where ms are meant are long before it.
_FIRST_CHANGE: Final = 1_420_070_400_000


def to_iso(value: object) -> str:
    """The moment as `2024-09-11T20:08:49.891Z`: in UTC, with milliseconds, cut and not rounded.

    `value`: ISO 8601 text (in UTC where it names no offset, midnight where it names no time), or seconds or
    milliseconds since 1970, as a number or as text. Raises Unfit(time_invalid) for anything else.
    """
    try:
        text = str(value).strip() if isinstance(value, str | int | float) else ""
        moment = _since_epoch(Decimal(text)) if _NUMBER.fullmatch(text) else _written_out(text)
    except (ValueError, OverflowError) as error:
        raise Unfit(Reason.TIME_INVALID) from error
    # Not strftime: it leaves out the leading zeros of early years on some platforms.
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def to_ms(value: str | float) -> float:
    """The time of a change in ms as it was told, even if it cannot be (`clamp`).

    `value`: ms since 1970 as a number or as its digits, or ISO 8601 text, in UTC where it names no zone. Eight digits
    are a day (`20260101`), for as a number they would be of 1970. Raises ValueError for text that is no time.
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
    """The time in ms at which a change counts as made, and whether that is another than the CDP told.

    `ms`: as told, None for not at all. `now`: ms of its arrival, which stands for a time that cannot be: one in the
    future would win over changes still to come, and one before 2015 would lose to all that came before.
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
