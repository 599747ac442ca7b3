"""Checks the values of an event's attributes as Klaviyo does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from emulator.errors import misshapen
from emulator.fields import FINE, Checks, Finding, findings, properties, text
from emulator.times import epoch, moment_of

MAX_PROPERTIES = 400
MAX_STRING_BYTES = 100_000
MAX_METRIC_NAME = 127
EARLIEST = epoch("1991-01-01")
YEAR_SECONDS = 366 * 86_400

_CURRENCY = re.compile(r"[A-Z]{3}")


def checks(now: float) -> Checks:
    """Return the checks of every attribute of an event; `now` in epoch seconds."""

    def time(value: object) -> Iterable[Finding]:
        return _time(value, now)

    return {
        "properties": _properties,
        "time": time,
        "value": _number,
        "value_currency": _currency,
        "backfill": boolean,
        "metric": _metric,
        "unique_id": _short_text,
    }


def boolean(value: object) -> Iterable[Finding]:
    """Check for true or false."""
    return FINE if isinstance(value, bool) else (("", "Must be a valid boolean."),)


def _short_text(value: object) -> Iterable[Finding]:
    return _sized(value) if isinstance(value, str) else text(value)


def _number(value: object) -> Iterable[Finding]:
    fine = isinstance(value, (int, float)) and not isinstance(value, bool)
    return FINE if fine else (("", "A valid number is required."),)


def _currency(value: object) -> Iterable[Finding]:
    fine = isinstance(value, str) and _CURRENCY.fullmatch(value)
    return FINE if fine else (("", "Not an ISO 4217 currency code."),)


def _time(value: object, now: float) -> Iterable[Finding]:
    """Check for a time after 1990 and at most a year in the future (Klaviyo: create event)."""
    moment = moment_of(value)
    if moment is None:
        return (("", "Not a valid date and time; send ISO 8601."),)
    if EARLIEST <= moment <= now + YEAR_SECONDS:
        return FINE
    return (("", "The time must be after 1990 and at most one year in the future."),)


def _metric(value: object) -> Iterable[Finding]:
    data = value.get("data") if isinstance(value, dict) else None
    attributes = data.get("attributes") if isinstance(data, dict) and data.get("type") == "metric" else None
    if not isinstance(attributes, dict):
        return (("/data", misshapen().detail),)
    found = findings(attributes, {"name": _metric_name, "service": _short_text}, "metric")
    missing = [] if attributes.get("name") is not None else [("/name", "'name' is required.")]
    return [(f"/data/attributes{suffix}", fault) for suffix, fault in (*found, *missing)]


def _metric_name(value: object) -> Iterable[Finding]:
    if isinstance(value, str) and 0 < len(value) <= MAX_METRIC_NAME:
        return FINE
    return (("", f"'name' must be a string of 1 to {MAX_METRIC_NAME} characters."),)


def _properties(value: object) -> Iterable[Finding]:
    found = [*properties(value)]
    if isinstance(value, dict):
        if len(value) > MAX_PROPERTIES:
            found.append(("", f"More than {MAX_PROPERTIES} properties."))
        found += [(f"/{name}", fault) for name, item in value.items() for _, fault in _sized(item)]
    return found


def _sized(value: object) -> Iterable[Finding]:
    too_long = any(len(item.encode(errors="surrogatepass")) > MAX_STRING_BYTES for item in _strings(value))
    return (("", f"A string is larger than {MAX_STRING_BYTES} bytes."),) if too_long else FINE


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)
