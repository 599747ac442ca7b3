"""Tells JSON that is nested too deeply to be read again."""

from __future__ import annotations

import re

from intake.limits import NESTED

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_PAIRS = bytes.maketrans(b"[]{}", b"()()")
_REST = bytes(set(range(256)) - set(b"[]{}"))


def too_deep(json: bytes, most: int = NESTED) -> bool:
    """Whether well-formed JSON has more than `most` levels of arrays and objects."""
    # Nearly all JSON has too few brackets to be deep; only the rest is looked at closely.
    if json.count(b"[") + json.count(b"{") <= most:
        return False
    brackets = _STRING.sub(b"", json).translate(_PAIRS, _REST)
    for _ in range(most):
        brackets = brackets.replace(b"()", b"")
    return bool(brackets)
