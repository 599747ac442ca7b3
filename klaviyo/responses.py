"""The classification of Klaviyo's answers into outcomes. Pure: by status first, then by code, never by text.

Klaviyo's messages change without notice; statuses, codes and pointers are its contract. The Retry-After header
(RFC 9110, 10.2.3) is read in the forms that occur in practice.

When Klaviyo leaves fields out of a request that it accepts, it names them in a header and reports no error. This
happens for an invalid phone beside a valid identifier, in subscriptions, new profiles and events (Klaviyo's staff,
2025).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from klaviyo import holds
from klaviyo.endpoints import PUBLISHED, Endpoint
from klaviyo.outcomes import (
    UNEXPECTED,
    Accepted,
    Bisect,
    Conflict,
    Dead,
    Gone,
    HoldNeeded,
    Outcome,
    Problem,
    Retry,
    RowError,
    Rows,
    Split,
    decode,
    read_problems,
)

#: The wait when a 429 does not give one: a minute is the longest window that a worker normally meets.
DEFAULT_THROTTLE_S = 60.0
#: Only time lifts a challenge of the edge; frequent requests prolong it.
EDGE_BLOCK_S = 300.0

_ROW = re.compile(r"/data/attributes/(?:profiles|events-bulk-create)/data/([0-9]{1,6})(?:/|$)")
#: An import may name several lists, a subscription names one.
_LIST = re.compile(r"/data/relationships/(?:lists/data/[0-9]+|list)(?:/|$)")
_BAD_KEY_CODES = frozenset({"authentication_failed", "not_authenticated"})
_NO_PROBLEM = Problem("", "", "", "", "")
#: Klaviyo's longest window is a day; a longer wait would be a mistake or an attack.
LONGEST_S = 86_400.0

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
#: In lower case, because header names are compared without case.
_LEFT_OUT: Final = "x-klaviyo-partial-failure"
#: Replaces a name that is not in _FIELDS: the text of a header could be anything, even an address.
OTHER: Final = "other"
#: The fields of a profile, a subscription or an event. The list limits what can be logged and counted.
_FIELDS: Final = frozenset(
    {
        "email",
        "external_id",
        "first_name",
        "image",
        "last_name",
        "locale",
        "location",
        "organization",
        "phone_number",
        "properties",
        "subscriptions",
        "title",
    }
)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A refusal as the rules below see it. `problems` is None when the body is not Klaviyo's error document."""

    status: int
    endpoint: Endpoint
    headers: Mapping[str, str]
    problems: tuple[Problem, ...] | None
    now: float

    @property
    def first(self) -> Problem:
        return self.problems[0] if self.problems else _NO_PROBLEM

    @property
    def retry_after(self) -> float | None:
        return parse_retry_after(self.headers.get("retry-after"), self.now)


def classify(status: int, headers: Mapping[str, str], body: bytes, *, endpoint: Endpoint, now: float) -> Outcome:
    """Return the outcome of this answer to a call of `endpoint`. `now`: seconds since the epoch, for dates."""
    if 200 <= status < 300:
        return _success(status, body, endpoint)
    lower = {name.lower(): value for name, value in headers.items()}
    refusal = _Refusal(status, endpoint, lower, read_problems(body), now)
    if status >= 500:
        return _passing(refusal)
    if 300 <= status < 400:
        return holds.redirected()
    return _RULES.get(status, _contract)(refusal)


def _success(status: int, body: bytes, endpoint: Endpoint) -> Outcome:
    if status not in endpoint.success:
        return UNEXPECTED
    if not endpoint.document:
        return Accepted()
    document = decode(body)
    return UNEXPECTED if document is None or "data" not in document else Accepted(document)


def _bad_request(refusal: _Refusal) -> Outcome:
    first = refusal.first
    if first.code in _BAD_KEY_CODES:  # Klaviyo: documented as "401 or 400" for a bad key.
        return _bad_key(refusal)
    located = _named_list(refusal) or _rows(refusal)
    if located:
        return located
    if refusal.endpoint.about == "job":  # Some malformed ids are answered with 400 instead of 404.
        return Gone(first.error_id)
    if refusal.endpoint.about in ("person", "profile"):
        return Dead(first.code or "bad_request", first.detail, first.error_id)
    if refusal.endpoint.many:
        return Bisect(first.code or "bad_request", first.detail, first.pointer, first.error_id)
    if refusal.endpoint.about == "list":
        return holds.list_refused(first.error_id)
    return _contract(refusal)


def _named_list(refusal: _Refusal) -> HoldNeeded | None:
    """Return a hold if an error points at a list that the request names."""
    named = next((problem for problem in refusal.problems or () if _LIST.match(problem.pointer)), None)
    return holds.list_gone(named.error_id) if named else None


def _rows(refusal: _Refusal) -> Rows | None:
    """Return the rows that errors point at. Klaviyo reports other errors again once these rows are removed."""
    errors = tuple(
        RowError(int(match[1]), problem.code, problem.detail, problem.pointer, problem.error_id)
        for problem in refusal.problems or ()
        if (match := _ROW.match(problem.pointer))
    )
    return Rows(errors) if errors else None


def _bad_key(refusal: _Refusal) -> Outcome:
    return holds.bad_key(refusal.first.error_id)


def _forbidden(refusal: _Refusal) -> Outcome:
    # The edge answers some cloud addresses with an HTML challenge, which says nothing about the key.
    if refusal.problems is None or "cf-mitigated" in refusal.headers:
        return Retry(EDGE_BLOCK_S, counts=False, why="edge_block")
    return holds.forbidden(refusal.endpoint, refusal.first.error_id)


def _not_found(refusal: _Refusal) -> Outcome:
    first, endpoint = refusal.first, refusal.endpoint
    named = _named_list(refusal)
    if named:
        return named
    missing = endpoint.about if endpoint.names_one and first.code == "not_found" else "operation"
    if missing in ("job", "profile"):
        return Gone(first.error_id)
    if missing == "list":
        return holds.list_gone(first.error_id)
    return _revision(refusal)


def _revision(refusal: _Refusal) -> Outcome:
    return holds.revision(refusal.endpoint.name, refusal.first.error_id)


def _conflict(refusal: _Refusal) -> Outcome:
    first = refusal.first
    # A request with several people does not say which of them conflicts.
    if first.duplicate_profile_id and not refusal.endpoint.many:
        return Conflict(first.duplicate_profile_id, first.error_id)
    return Dead("identity_clash", first.detail, first.error_id)


def _throttled(refusal: _Refusal) -> Outcome:
    after = DEFAULT_THROTTLE_S if refusal.retry_after is None else refusal.retry_after
    # Only the daily window can ask for more than a minute, the length of the steady window.
    daily = PUBLISHED[refusal.endpoint.name].daily is not None and after > DEFAULT_THROTTLE_S
    return Retry(after, counts=False, why="daily_limit" if daily else "throttled")


def _passing(refusal: _Refusal) -> Outcome:
    return Retry(refusal.retry_after, counts=True, why=f"http_{refusal.status}")


def _contract(refusal: _Refusal) -> Outcome:
    return holds.contract(refusal.endpoint.name, refusal.status, refusal.first.error_id)


_RULES: dict[int, Callable[[_Refusal], Outcome]] = {
    400: _bad_request,
    401: _bad_key,
    403: _forbidden,
    404: _not_found,
    408: _passing,
    409: _conflict,
    410: _revision,
    413: lambda _: Split("too_large"),
    414: lambda _: Split("url_too_long"),
    425: _passing,
    429: _throttled,
}


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds to wait, 0 to a day, from an integer, a fraction or an HTTP date; None for anything else.

    `now`: seconds since the epoch, subtracted from a date.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_S)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        return None
    return min(max(moment.timestamp() - now, 0.0), LONGEST_S)


def left_out(headers: Mapping[str, str]) -> list[str]:
    """Return the fields that were left out of one or more rows, each once and sorted; empty without the header."""
    text = next((value for name, value in headers.items() if name.lower() == _LEFT_OUT), "")
    names = (name.strip().lower() for name in text.split(","))
    return sorted({name if name in _FIELDS else OTHER for name in names if name})
