"""The places in a JSON text that has not been parsed, for messages about it, such as `$.batch[3].properties`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]|[^\s\[\]{},:"]+', re.DOTALL)
#: A name that may be shown in a message. Others may be an address or a phone number, or too long.
_NAME = re.compile(rb'"(?!(?:[^0-9"]*[0-9]){7})([A-Za-z_$][A-Za-z0-9_$ -]{0,39})"')


def of(json: bytes, is_sought: Callable[[bytes], bool]) -> str:
    """Return the place of the first token that is sought, empty if there is none. Accepts text that is not JSON."""
    return next((_path(levels) for token, levels in _walk(json) if is_sought(token)), "")


def deeper(json: bytes, most: int) -> str:
    """Return the beginning of the first place below more than `most` levels, empty if there is none."""
    return next((f"{_path(levels[:5])}..." for _, levels in _walk(json) if len(levels) > most), "")


def crowded(json: bytes, most: int) -> str | None:
    """Return the place of the first object with more than `most` names, None if there is none."""
    full = (levels for _, levels in _walk(json) if levels and levels[-1].is_object and levels[-1].count > most)
    return next((_path(levels[:-1]) for levels in full), None)


class _Level:
    """An open object or array. `at`: the name or number of the current member; `count`: its members so far."""

    __slots__ = ("at", "count", "is_object")

    def __init__(self, is_object: bool) -> None:
        self.is_object = is_object
        self.at = b""
        self.count = 0


def _walk(json: bytes) -> Iterator[tuple[bytes, list[_Level]]]:
    """Yield each token with the levels open at that point. Accepts text that is not JSON."""
    levels: list[_Level] = []
    before = b""
    for found in _TOKEN.finditer(json):
        token = found[0]
        if levels and token not in b"]},":
            _enter(levels[-1], token, before)
        if token in b"[{":
            levels.append(_Level(token == b"{"))
        elif token in b"]}" and levels:
            levels.pop()
        before = token
        yield token, levels


def _enter(level: _Level, token: bytes, before: bytes) -> None:
    """Record the start of a name, or of a value in an array."""
    if before not in b"[{,":
        return  # a value after its name
    level.count += 1
    level.at = token if level.is_object else b"%d" % (level.count - 1)


def _path(levels: list[_Level]) -> str:
    return "".join(map(_step, levels))


def _step(level: _Level) -> str:
    if not level.is_object:
        return f"[{level.at.decode()}]"
    found = _NAME.fullmatch(level.at)
    return f".{found[1].decode()}" if found else "[...]"
