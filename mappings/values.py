"""Brings a CDP's values into the form that Ferry stores and sends: clean text, plain types, times in one spelling."""

from __future__ import annotations

import ipaddress
import math
import re
import zoneinfo
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final

from mappings.errors import Reason, Unfit

#: Klaviyo: ingestion limits of profile properties (string 100 KB, array 4,000 entries, nesting 10).
MAX_STRING_BYTES = 100_000
MAX_ENTRIES = 4_000
MAX_DEPTH = 10
_MAX_INTEGER = 2**63
_MAX_BYTES_OF_A_CHARACTER = 4
#: NUL and lone surrogates: neither can be stored as text, and lone surrogates have no UTF-8 form.
_UNCLEAN = re.compile("[\x00\ud800-\udfff]")
#: Invisible characters (Unicode: Default_Ignorable_Code_Point, interlinear annotation), except the joiners: nearly all
#: of category Cf without its visible signs, such as the Arabic number signs, and the blanks and variation selectors of
#: other categories.
_INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
UNSEEN: Final = re.compile(f"[{_INVISIBLE}]")
#: The braille pattern without dots; Python considers it printable and not a blank.
_BRAILLE_BLANK = "\u2800"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,30})?", re.ASCII)
#: How `to_iso` writes a time.
_OWN_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_DAY = re.compile(r"\d{8}", re.ASCII)
#: Klaviyo: profile location; four decimals are about 11 m.
_DECIMALS = 4
_MAX_LATITUDE = 90
_MAX_LONGITUDE = 180
_DECIMAL = re.compile(r"[+-]?\d{1,3}(?:\.\d{1,20})?", re.ASCII)
_LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*", re.ASCII | re.IGNORECASE)
#: Names in the time zone database that are not places: the machine's own zone and two placeholders.
_NO_PLACE = {"Factory", "localtime", "posixrules"}
#: A smaller number counts seconds (until the year 5138), any other milliseconds (since March 1973).
_FIRST_MILLISECONDS = 100_000_000_000
#: ms at the start of 2015: no CDP sends older changes; an earlier time is usually in seconds instead of ms.
_FIRST_CHANGE: Final = 1_420_070_400_000


def is_clean(text: str) -> bool:
    """Return whether `text` contains neither NUL nor lone surrogates."""
    return "\0" not in text if text.isascii() else _UNCLEAN.search(text) is None


def clean_text(text: str) -> str:
    """Return `text` without NUL and lone surrogates; raises Unfit when it is longer than Klaviyo takes."""
    if text.isascii() and "\0" not in text and len(text) <= MAX_STRING_BYTES:
        return text
    if _UNCLEAN.search(text):
        text = _UNCLEAN.sub("", text)
    if len(text) * _MAX_BYTES_OF_A_CHARACTER > MAX_STRING_BYTES and len(text.encode()) > MAX_STRING_BYTES:
        raise Unfit(Reason.ATTRIBUTE_TOO_LARGE)
    return text


def visible(text: str | None) -> str:
    """Return `text` unchanged, or empty if it has only blanks and invisible characters.

    Klaviyo refuses a list with such a name, and two of them would look alike.
    """
    if text is None:
        return ""
    if text.isascii() and text.isprintable() and not text.isspace():  # as nearly all names
        return text
    seen = UNSEEN.sub("", text).replace(_BRAILLE_BLANK, " ")
    return text if any(each.isprintable() and not each.isspace() for each in seen) else ""


def clean(value: object, depth: int = 0) -> object:
    """Return `value` as plain JSON with clean text; `depth` counts the containers around it.

    Raises Unfit(attribute_too_large) beyond Klaviyo's limits and Unfit(attribute_unsupported) for values that JSON or
    Klaviyo's encoder cannot represent: other types, keys that are not text, NaN, infinities, integers beyond 64 bits.
    """
    if isinstance(value, str):
        return clean_text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _number(value, fits=-_MAX_INTEGER <= value < _MAX_INTEGER)
    if isinstance(value, float):
        return _number(value, fits=math.isfinite(value))
    if depth == MAX_DEPTH:
        raise Unfit(Reason.ATTRIBUTE_TOO_LARGE)
    return _clean_container(value, depth + 1)


def _number(value: float, *, fits: bool) -> float:
    if not fits:
        raise Unfit(Reason.ATTRIBUTE_UNSUPPORTED)
    return value


def _clean_container(value: object, depth: int) -> object:
    if isinstance(value, list | tuple):
        if len(value) > MAX_ENTRIES:
            raise Unfit(Reason.ATTRIBUTE_TOO_LARGE)
        return [clean(entry, depth) for entry in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {clean_text(key): clean(entry, depth) for key, entry in value.items()}
    raise Unfit(Reason.ATTRIBUTE_UNSUPPORTED)


def flatten(properties: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """Return the properties with dotted names instead of nested objects: `{"a": {"b": 1}}` becomes `{"a.b": 1}`.

    Lists and empty objects stay, and so do objects nested deeper than Klaviyo takes.
    """
    flat: dict[str, Any] = {}
    for name, value in properties.items():
        if isinstance(value, dict) and value and depth < MAX_DEPTH:
            flat |= {f"{name}.{inner}": entry for inner, entry in flatten(value, depth + 1).items()}
        else:
            flat[name] = value
    return flat


def to_iso(value: object) -> str:
    """Return the time as `2024-09-11T20:08:49.891Z`: in UTC, cut (not rounded) to milliseconds.

    `value`: ISO 8601 text (without an offset UTC, without a time midnight), or seconds or milliseconds since 1970, as a
    number or as text. Raises Unfit(time_invalid) for anything else.
    """
    try:
        if isinstance(value, str) and _OWN_FORM.fullmatch(value):
            datetime.fromisoformat(value)
            return value
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


def latitude(value: object) -> float:
    """Return degrees north, rounded to four decimals; raises Unfit(latitude_invalid)."""
    return _degrees(value, _MAX_LATITUDE, Reason.LATITUDE_INVALID)


def longitude(value: object) -> float:
    """Return degrees east, rounded to four decimals; raises Unfit(longitude_invalid)."""
    return _degrees(value, _MAX_LONGITUDE, Reason.LONGITUDE_INVALID)


def _degrees(value: object, limit: int, reason: Reason) -> float:
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -limit <= value <= limit:
        raise Unfit(reason)
    return round(value, _DECIMALS)


@cache
def _time_zones() -> dict[str, str]:
    """Return lower-case name -> name in the time zone database; read from disk once per process."""
    return {name.lower(): name for name in zoneinfo.available_timezones() - _NO_PLACE}


def time_zone(value: object) -> str:
    """Return the IANA name for a name in any case; raises Unfit(timezone_invalid)."""
    name = _time_zones().get(value.strip().lower()) if isinstance(value, str) else None
    if name is None:
        raise Unfit(Reason.TIMEZONE_INVALID)
    return name


def ip(value: object) -> str:
    """Return an IPv4 or IPv6 address as text; raises Unfit(ip_invalid)."""
    try:
        return str(ipaddress.ip_address(str(value).strip()))
    except ValueError as error:
        raise Unfit(Reason.IP_INVALID) from error


def text_field(value: object) -> str:
    """Return text unchanged and numbers as text; raises Unfit(field_invalid) for tags, lists and objects."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit(Reason.FIELD_INVALID)
    return str(value)


def locale(value: object) -> str:
    """Return a language tag such as `en-US` (BCP 47); `en_US`, as many systems write it, is converted."""
    tag = value.strip().replace("_", "-") if isinstance(value, str) else ""
    if not _LANGUAGE_TAG.fullmatch(tag):
        raise Unfit(Reason.LOCALE_INVALID)
    return tag
