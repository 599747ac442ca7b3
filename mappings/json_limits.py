"""How much one JSON text may hold, looked at before anything is made of it.

A parser makes objects of everything it reads: some hundred bytes of memory for two of a body, and while it does nothing
else runs in its process. So the bytes are looked at first, in flat memory and a piece at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from math import isinf
from typing import Final

#: Levels of arrays and objects, that of the text itself among them. Deeper JSON would be accepted here and then break
#: those who read it again with less room on the stack.
NESTED: Final = 64
#: Digits of one number. Databases have up to 76 (BigQuery: BIGNUMERIC); Python reads none of over 4,300.
DIGITS: Final = 100
#: Values in one text: members of objects and entries of arrays, of which arrays and objects count twice.
VALUES: Final = 500_000
#: Names in one object, such as the attributes of a person.
NAMES: Final = 1_000

#: Bytes that an object needs at least for more names than that.
SMALL: Final = 5 * NAMES

#: Bytes looked at in one go: a millisecond, in which no other thread runs.
_PIECE: Final = 65_536
#: Levels that ordinary messages have at most; what has more, or brackets in its texts, is looked at closely.
_SHALLOW: Final = 12

_PAIRS: Final = bytes.maketrans(b"[]{}", b"()()")
_NO_BRACKET: Final = bytes(set(range(256)) - set(b"[]{}"))
_STEPS: Final = {ord("("): 1, ord(")"): -1}
#: Digits and points as 0, e and E as e, what may stand before a number as a comma.
_KINDS: Final = bytes(
    ord("0") if byte in b"0123456789." else ord("e") if byte in b"eE" else ord(",") if byte in b"[:, \t\r\n" else byte
    for byte in range(256)
)
#: A number that may be too long or beyond every float.
_LARGE = re.compile(rb"[0-9](?:[0-9.eE+-]{%d,}|[0-9.]*[eE]\+?[0-9]{3,})" % (DIGITS - 1))
_UNFINISHED = re.compile(rb"[0-9.eE+-]*\Z")
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]|[^\s\[\]{},:"]+', re.DOTALL)
#: A name that may be shown. Others may be an address or a phone, or longer than any message.
_NAME = re.compile(rb'"(?!(?:[^0-9"]*[0-9]){7})([A-Za-z_$][A-Za-z0-9_$ -]{0,39})"')


class LimitExceeded(ValueError):
    """A JSON text is beyond a limit. `what` says which; `place` where, if that was looked for, such as `$.a[3]`."""

    def __init__(self, what: str, place: str = "") -> None:
        super().__init__(f"{place}: {what}" if place else what)
        self.what = what
        self.place = place


class TooDeep(LimitExceeded):
    """More than NESTED levels."""

    def __init__(self, place: str = "") -> None:
        super().__init__(f"nested too deeply, in over {NESTED} levels; flatten it, or leave it out", place)


class TooLarge(LimitExceeded):
    """A number of over DIGITS digits, or beyond every float."""

    def __init__(self, place: str = "") -> None:
        super().__init__(
            f"a number of over {DIGITS} digits, or beyond 1.8e308; send it as text, or leave it out", place
        )


class TooMany(LimitExceeded):
    """More than VALUES values, or an object of more than NAMES names."""


def check(json: bytes, place: str = "$") -> None:
    """Raise the LimitExceeded of a text that has too many values, levels or digits. `place`: of the text, for messages.

    Whether it is JSON at all is its parser's business: of what is none, a text may be found to be beyond a limit.
    """
    if not _is_suspicious(json):
        return
    scan = Scan()
    try:
        for start in range(0, len(json), _PIECE):
            scan.feed(json[start : start + _PIECE])
            if scan.values > VALUES:
                raise TooMany(f"over {VALUES:,} values", place)
        scan.end()
    except (TooDeep, TooLarge) as beyond:
        raise type(beyond)(place + _place_of(json, type(beyond))) from None


def is_deep(json: bytes) -> bool:
    """Whether a text that was checked before, or made of one, has more than NESTED levels."""
    if not _may_be_deep(json):
        return False
    try:
        check(json)
    except TooDeep:
        return True
    return False


def check_lines(json: bytes) -> None:
    """The same for JSON with one text a line."""
    if _is_suspicious(json):
        for number, line in enumerate(json.split(b"\n"), start=1):
            check(line, f"line {number}: $")


def check_names(json: bytes, place: str) -> None:
    """Raise TooMany where an object in a text that was decoded already has more than NAMES names."""
    # Every name has a colon behind it, so that nearly all texts are done with here.
    if json.count(b":") > NAMES and (found := next(_crowded(json), None)) is not None:
        raise TooMany(f"over {NAMES:,} names in one object", place + found)


class Scan:
    """Looks at one text that comes in pieces. `depth`: levels open; `values`: how many there were, at least."""

    def __init__(self) -> None:
        self.depth = 0
        self.values = 0
        self._in_text = 0
        self._escape = b""
        self._number = b""

    def feed(self, piece: bytes) -> None:
        """The next piece. Raises TooDeep, TooLarge; without a place."""
        plain = self._without_texts(piece)
        self._nest(plain)
        self.values += plain.count(b",") + plain.count(b"[") + plain.count(b"{")
        self._count_digits(self._number + plain)

    def end(self) -> None:
        """Nothing more comes. Raises TooLarge."""
        _check_numbers(self._number)

    def _without_texts(self, piece: bytes) -> bytes:
        """What stands outside of texts, with a quotation mark in the place of each."""
        piece = self._escape + piece
        self._escape = b""
        if b"\\" in piece:
            # Pairs first: of a backslash that is left over it is known that it escapes what comes behind it.
            piece = piece.replace(b"\\\\", b"")
            if piece.endswith(b"\\"):
                piece, self._escape = piece[:-1], b"\\"
            piece = piece.replace(b'\\"', b"")
        parts = piece.split(b'"')
        outside = parts[self._in_text :: 2]
        self._in_text ^= (len(parts) - 1) & 1
        return b'"'.join(outside)

    def _nest(self, plain: bytes) -> None:
        brackets = plain.translate(_PAIRS, _NO_BRACKET)
        levels = accumulate(map(_STEPS.__getitem__, brackets), initial=self.depth)
        if self.depth + len(brackets) > NESTED and max(levels) > NESTED:
            raise TooDeep
        opened = brackets.count(b"(")
        self.depth += 2 * opened - len(brackets)

    def _count_digits(self, plain: bytes) -> None:
        found = _UNFINISHED.search(plain, max(0, len(plain) - DIGITS - 8))
        self._number = found[0] if found else b""
        _check_numbers(plain)


def _check_numbers(plain: bytes) -> None:
    """Raise TooLarge. `plain`: without texts."""
    for found in _LARGE.finditer(plain):
        if _is_large(found[0]):
            raise TooLarge


def _is_large(number: bytes) -> bool:
    if len(number) - sum(map(number.count, (b".", b"e", b"E", b"+", b"-"))) > DIGITS:
        return True
    try:
        return isinf(float(number))
    except ValueError:  # no number, as its parser will say
        return False


def _is_suspicious(json: bytes) -> bool:
    """Whether a text may be beyond a limit. Of ordinary ones it takes a hundredth of the time that reading takes."""
    many = len(json) > VALUES and json.count(b",") > VALUES // 4
    return many or _may_be_deep(json) or _may_have_large_numbers(json)


def _may_be_deep(json: bytes) -> bool:
    brackets = json.translate(_PAIRS, _NO_BRACKET)
    for _ in range(_SHALLOW):
        if len(brackets) <= NESTED:
            return False
        brackets = brackets.replace(b"()", b"")
    return True


def _may_have_large_numbers(json: bytes) -> bool:
    kinds = json.translate(_KINDS, b"+")
    if b"0" * DIGITS in kinds:
        return True
    at = kinds.find(b"0e000")
    while at >= 0:
        # Most are within a word, such as a hexadecimal id.
        before = kinds[max(0, at - DIGITS) : at].rstrip(b"0")
        if before.removesuffix(b"-")[-1:] in (b"", b","):
            return True
        at = kinds.find(b"0e000", at + 1)
    return False


class _Level:
    """An object or array that is open. `at`: the name or number of the member in hand; `count`: its members so far."""

    __slots__ = ("at", "count", "is_object")

    def __init__(self, is_object: bool) -> None:
        self.is_object = is_object
        self.at = b""
        self.count = 0


def _place_of(json: bytes, kind: type[LimitExceeded]) -> str:
    """Where a text is first beyond a limit of levels or digits."""
    for token, levels in _walk(json):
        if kind is TooDeep and len(levels) > NESTED:
            return f"{_path(levels[:5])}..."
        if kind is TooLarge and (token[:1].isdigit() or token[:1] == b"-") and _is_large(token.lstrip(b"-")):
            return _path(levels)
    return ""


def _crowded(json: bytes) -> Iterator[str]:
    """The places of objects with more than NAMES names."""
    for _, levels in _walk(json):
        if levels and levels[-1].is_object and levels[-1].count > NAMES:
            yield _path(levels[:-1])


def _walk(json: bytes) -> Iterator[tuple[bytes, list[_Level]]]:
    """Each token, with the levels that are open then. Takes what is no JSON as it comes."""
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
    """A name, or a value of an array, begins."""
    if before not in b"[{,":
        return  # a value behind its name
    level.count += 1
    level.at = token if level.is_object else b"%d" % (level.count - 1)


def _path(levels: list[_Level]) -> str:
    return "".join(map(_step, levels))


def _step(level: _Level) -> str:
    if not level.is_object:
        return f"[{level.at.decode()}]"
    found = _NAME.fullmatch(level.at)
    return f".{found[1].decode()}" if found else "[...]"
