"""Text turned into numbers, booleans and dates, because mParticle sends every value as text.

Only what has one obvious reading is turned: leading zeros, plus signs and exponents mark codes, phones and part
numbers at least as often as numbers, and stay text.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_INTEGER = re.compile(r"0|-?[1-9]\d*", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)\.\d+", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
#: A double carries 15 decimal digits exactly; a longer text is an id that a number would falsify.
_MAX_DIGITS = 15


def coerce(text: str) -> str | float | bool:
    """`text` as integer, decimal, boolean or Klaviyo's date text; as it is when it is none of these."""
    if len(text) <= _MAX_DIGITS + 2:
        number = _number(text)
        if number is not None:
            return number
    boolean = _BOOLEANS.get(text.lower())
    if boolean is not None:
        return boolean
    return _date(text) if _DATE.fullmatch(text) else text


def _number(text: str) -> float | None:
    if sum(map(str.isdigit, text)) > _MAX_DIGITS:
        return None
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else None


def _date(text: str) -> str:
    """Klaviyo's `YYYY-MM-DD HH:MM:SS`, in UTC when `text` has an offset; a day alone is midnight, as Klaviyo reads it.

    (Klaviyo: acceptable date and timestamp formats.) A day that does not exist stays text.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    # Not strftime: it leaves out the leading zeros of early years on some platforms.
    return moment.replace(tzinfo=None).isoformat(" ", "seconds")
