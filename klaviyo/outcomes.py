"""The outcomes of a call to Klaviyo, one class per thing to do next, and the reading of Klaviyo's error documents.

`detail` and `pointer` are Klaviyo's text and may quote a person's address, so they are kept for the dead letter and
left out of every `repr`. The error documents are read without trusting their shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

#: Reasons for which a request did not reach Klaviyo's servers: Klaviyo's limits, Ferry's limits, and the edge.
_BEFOREHAND = frozenset({"throttled", "daily_limit", "own_limit", "edge_block"})
#: Klaviyo's messages are short; longer ones are truncated to keep dead letters small.
MAX_DETAIL = 500
_SAFE_TOKEN = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Accepted:
    """Klaviyo accepted the request. `body`: the decoded JSON:API document, `{}` for an endpoint that sends none."""

    body: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Retry:
    """Send the same request again.

    `after_s`: the seconds that Klaviyo asks to wait; None: use the caller's backoff. `counts`: whether it uses one of
    the batch's attempts; throttling, edge blocks and network faults do not, because the batch did not cause them.
    `why`: a short token for logs and metrics.
    """

    after_s: float | None
    counts: bool
    why: str

    @property
    def untouched(self) -> bool:
        """Whether Klaviyo certainly did not act on the request."""
        return self.why in _BEFOREHAND


@dataclass(frozen=True, slots=True)
class RowError:
    """The reason why Klaviyo refuses a row. `index`: its place in the request, from 0. `pointer`: the JSON pointer."""

    index: int
    code: str
    detail: str = field(repr=False)
    pointer: str = field(repr=False)
    error_id: str


@dataclass(frozen=True, slots=True)
class Rows:
    """The named rows are invalid and nothing was imported: make them dead letters and send the others again."""

    errors: tuple[RowError, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """The request is too big: send it in halves. `why`: `too_large` or `url_too_long`."""

    why: str


@dataclass(frozen=True, slots=True)
class Bisect:
    """A row is invalid and Klaviyo does not say which: halve the request until one row is left.

    The fields are the reason to report when that row is found.
    """

    code: str
    detail: str = field(repr=False)
    pointer: str = field(repr=False)
    error_id: str


@dataclass(frozen=True, slots=True)
class HoldNeeded:
    """Stop and wait for an operator; nothing in the batch is at fault.

    `scope`: the whole connection, the queue alone, or one list. `reason`: a token. `resolve`: what the operator should
    do.
    """

    scope: Literal["connection", "queue", "list"]
    reason: str
    resolve: str
    error_id: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The identifiers belong to the existing profile `profile_id`: send the request again for that id."""

    profile_id: str = field(repr=False)
    error_id: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The profile or import job is unknown; Klaviyo deletes a job 7 days after its creation."""

    error_id: str = ""


@dataclass(frozen=True, slots=True)
class Dead:
    """The request cannot be delivered, and sending it again cannot help."""

    reason: str
    detail: str = field(repr=False)
    error_id: str


Outcome = Accepted | Retry | Rows | Split | Bisect | HoldNeeded | Conflict | Gone | Dead
#: An undocumented answer never counts as success. It uses an attempt, so that retries end.
UNEXPECTED = Retry(after_s=None, counts=True, why="unexpected_answer")


def summary(outcome: Outcome) -> str:
    """Return the outcome in words for a log line or an exception, without personal data and of bounded length."""
    match outcome:
        case Retry(after_s=None, why=why):
            return f"to be retried ({why})"
        case Retry(after_s=after_s, why=why):
            return f"to be retried in {after_s:g} s ({why})"
        case Rows(errors=errors):
            return f"{len({error.index for error in errors})} rows refused"
        case Split(why=why):
            return f"to be split ({why})"
        case Bisect(code=code):
            return f"refused without naming a row ({code})"
        case HoldNeeded(scope=scope, reason=reason, resolve=resolve):
            return f"{scope} on hold ({reason}). {resolve}"
        case Dead(reason=reason):
            return f"undeliverable ({reason})"
    return type(outcome).__name__.lower()


@dataclass(frozen=True, slots=True)
class Problem:
    """One member of `errors`: Klaviyo's id, code, message, JSON pointer, and the other profile of a 409."""

    error_id: str
    code: str
    detail: str = field(repr=False)
    pointer: str = field(repr=False)
    duplicate_profile_id: str = field(repr=False)


def decode(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object in `body`, or None for anything else, such as HTML or a truncated answer."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def read_problems(body: bytes) -> tuple[Problem, ...] | None:
    """Return the errors of a JSON:API error document, or None when `body` is not one, such as an HTML page."""
    errors = (decode(body) or {}).get("errors")
    if not isinstance(errors, list):
        return None
    return tuple(_problem(error) for error in errors if isinstance(error, dict))


def _problem(error: dict[str, Any]) -> Problem:
    return Problem(
        error_id=token(error.get("id")),
        code=token(error.get("code")),
        detail=_text(error.get("detail"))[:MAX_DETAIL],
        pointer=_text(_inside(error.get("source"), "pointer")),
        duplicate_profile_id=_text(_inside(error.get("meta"), "duplicate_profile_id")),
    )


def _inside(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def token(value: object) -> str:
    """Return an id or a code, empty when it does not look like one: it reaches log lines and could be an address."""
    text = _text(value)
    return text if _SAFE_TOKEN.fullmatch(text) else ""
