"""Prepares a CDP's values for Klaviyo's JSON: clean text, plain types, within Klaviyo's ingestion limits."""

from __future__ import annotations

import math
import re
from typing import Any

from mappings.email import UNSEEN
from mappings.errors import Reason, Unfit

#: Klaviyo: ingestion limits of profile properties (string 100 KB, array 4,000 entries, nesting 10).
MAX_STRING_BYTES = 100_000
MAX_ENTRIES = 4_000
MAX_DEPTH = 10

_MAX_INTEGER = 2**63
_MAX_BYTES_OF_A_CHARACTER = 4
#: NUL and lone surrogates: neither can be stored as text, and lone surrogates have no UTF-8 form.
_UNCLEAN = re.compile("[\x00\ud800-\udfff]")

#: The braille pattern without dots; Python considers it printable and not a blank.
_BRAILLE_BLANK = "\u2800"


def is_clean(text: str) -> bool:
    """Return whether `text` contains neither NUL nor lone surrogates."""
    return _UNCLEAN.search(text) is None


def clean_text(text: str) -> str:
    """Return `text` without NUL and lone surrogates; raises Unfit when it is longer than Klaviyo takes."""
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
