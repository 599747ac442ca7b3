"""What Klaviyo refuses in profiles and in values, beyond the forms of its contract.

A rule sees only what has the right form. Plain functions, because an import brings 10,000 rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

import msgspec
import orjson

from emulator import phones
from emulator.currencies import CURRENCIES
from emulator.errors import misshapen
from emulator.times import epoch

MAX_PROFILE_BYTES = 100_000
MAX_STRING_BYTES = 100_000
MAX_ARRAY_ITEMS = 4_000
MAX_NESTING = 10
MAX_PROPERTIES = 400
MAX_METRIC_NAME = 127
EARLIEST_EVENT = epoch("1991-01-01")
YEAR_SECONDS = 366 * 86_400

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]")
INVALID_PHONE = "Invalid phone number format (Example of a valid format: +12345678901)"

#: A place below the checked value, and the problem there.
Finding = tuple[str, str]


class About(msgspec.Struct):
    """The circumstances of a call. `regions`: those to which the account can send SMS; `lists`: the ids of its lists.

    A rule sets `partial` when it leaves out an invalid phone number.
    """

    now: float
    regions: Container[str | None]
    lists: Container[str]
    partial: bool = False


Check = Callable[[Any, About], Iterable[Finding]]


def must(fits: Callable[[Any], object], problem: str) -> Check:
    """Return the rule that a value fits."""
    problems = (("", problem),)
    return lambda value, _about: () if fits(value) else problems


def all_of(*rules: Check) -> Check:
    """Return the rule that all of these hold."""
    return lambda value, about: [finding for rule in rules for finding in rule(value, about)]


def rows(maximum: int) -> Check:
    """Return the rule for the rows of a bulk call: at least one, and not too many."""
    too_many = (("/data", f"At most {maximum} entries may be sent in one call."),)
    none = (("/data", misshapen().detail),)
    return lambda holder, _about: none if not holder["data"] else too_many if len(holder["data"]) > maximum else ()


email = must(_EMAIL.fullmatch, "Invalid email address")
phone = must(lambda number: phones.takes(number), INVALID_PHONE)
list_name = must(str.strip, "'name' must be a non-empty string.")
metric_name = must(
    lambda name: 0 < len(name) <= MAX_METRIC_NAME, f"'name' must have 1 to {MAX_METRIC_NAME} characters."
)
currency = must(CURRENCIES.__contains__, "Not an ISO 4217 currency code.")


def properties(value: Any, _about: About) -> Iterator[Finding]:
    """Check the ingestion limits: arrays of 4,000 items, 10 levels (Klaviyo's guide to them)."""
    for name, item in value.items():
        if isinstance(item, (list, dict)) and (problem := _depth_problem(item)):
            yield f"/{name}", problem


def _depth_problem(value: list[Any] | dict[str, Any], depth: int = 1) -> str:
    if depth > MAX_NESTING:
        return f"Nested deeper than {MAX_NESTING} levels."
    if isinstance(value, list) and len(value) > MAX_ARRAY_ITEMS:
        return f"More than {MAX_ARRAY_ITEMS} items in an array."
    inner = value.values() if isinstance(value, dict) else value
    problems = (_depth_problem(item, depth + 1) for item in inner if isinstance(item, (list, dict)))
    return next(filter(None, problems), "")


def event_properties(value: Any, about: About) -> Iterator[Finding]:
    """Check the same limits and those on events: 400 properties, strings of 100 KB."""
    yield from properties(value, about)
    if len(value) > MAX_PROPERTIES:
        yield "", f"More than {MAX_PROPERTIES} properties."
    for name, item in value.items():
        for _, problem in short(item, about):
            yield f"/{name}", problem


def short(value: Any, _about: About) -> Iterable[Finding]:
    """Check the size of all texts in a value."""
    too_long = any(len(text.encode(errors="surrogatepass")) > MAX_STRING_BYTES for text in _texts(value))
    return (("", f"A string is larger than {MAX_STRING_BYTES} bytes."),) if too_long else ()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def event_time(value: str, about: About) -> Iterable[Finding]:
    """Check for a time after 1990 and at most a year in the future (Klaviyo: create event)."""
    if EARLIEST_EVENT <= epoch(value) <= about.now + YEAR_SECONDS:
        return ()
    return (("", "The time must be after 1990 and at most one year in the future."),)


def identified(*identifiers: str) -> Check:
    """Return the rule that a profile has its id or one of these."""
    problems = (("/attributes", f"At least one identifier is required: {', '.join(identifiers)}."),)

    def rule(row: Any, _about: About) -> Iterable[Finding]:
        attributes = row["attributes"]
        return () if row.get("id") or any(attributes.get(name) for name in identifiers) else problems

    return rule


sized = must(
    lambda row: len(orjson.dumps(row)) <= MAX_PROFILE_BYTES, f"The profile is larger than {MAX_PROFILE_BYTES} bytes."
)


def phone_left_out(row: Any, about: About) -> Iterable[Finding]:
    """Leave out an invalid number beside another identifier; alone it is refused.

    Since 2025, Klaviyo's calls to subscribe and to create a profile or an event do this and report it in a response
    header (Klaviyo's community, 18034); imports are not documented to do so, and refuse the number.
    """
    attributes = row["attributes"]
    number = attributes.get("phone_number")
    if number is None or phones.takes(number):
        return ()
    if not row.get("id") and not any(attributes.get(name) for name in ("email", "external_id", "_kx", "anonymous_id")):
        return (("/attributes/phone_number", INVALID_PHONE),)
    del attributes["phone_number"]
    about.partial = True
    return ()


def added_emails(orders: Any, about: About) -> Iterator[Finding]:
    """Check that only an array of e-mails is appended (OpenAPI: PatchIdentifiers)."""
    if orders.get("unappend") is not None:
        yield "/unappend", "The emulator plays only append."
    added = orders.get("append")
    if added is None:
        return
    if added.keys() != {"email"} or not isinstance(added["email"], list):
        yield "/append", "Append must be an object with an array of e-mail addresses."
    elif any(not isinstance(item, str) or email(item, about) for item in added["email"]):
        yield "/append", "Invalid email address"
