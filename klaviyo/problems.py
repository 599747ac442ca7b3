"""Klaviyo's error documents, read without trusting their shape."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec

#: Klaviyo's own sentences are short; a longer one is cut so that a dead letter stays small.
MAX_DETAIL = 500

_SAFE_TOKEN = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One member of `errors`: Klaviyo's id, code, sentence, JSON pointer, and the other profile of a 409."""

    error_id: str
    code: str
    detail: str = field(repr=False)
    pointer: str = field(repr=False)
    duplicate_profile_id: str = field(repr=False)


def decode(body: bytes) -> dict[str, Any] | None:
    """The JSON object in `body`; None for anything else, be it HTML, a cut-off answer or nothing."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def read_problems(body: bytes) -> tuple[Problem, ...] | None:
    """The errors of a JSON:API error document; None when `body` is not one, as with an edge's HTML page."""
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
    """An id or a code. They reach log lines: what does not look like one could be anything, an address included."""
    text = _text(value)
    return text if _SAFE_TOKEN.fullmatch(text) else ""
