"""Limits on the size of a JSON text, checked before it is parsed.

A parser makes objects of everything it reads: about a hundred bytes of memory for two bytes of a body, and nothing else
runs in the process meanwhile. So the bytes are checked first, in constant memory and piece by piece.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from math import isinf
from typing import Final

from mappings import json_places

#: Levels of arrays and objects, including that of the text itself. Deeper JSON would be accepted here and then fail
#: wherever it is read again with less space on the stack.
NESTED: Final = 64
#: Digits of one number. Databases have up to 76 (BigQuery: BIGNUMERIC); Python reads at most 4,300.
DIGITS: Final = 100
#: Values in one text: members of objects and entries of arrays; arrays and objects count twice.
VALUES: Final = 500_000
#: Names in one object, such as the attributes of a person.
NAMES: Final = 1_000

#: The least bytes of an object with more names than that.
SMALL: Final = 5 * NAMES

#: Bytes checked at once: one millisecond, in which no other thread runs.
_PIECE: Final = 65_536
#: The most levels of ordinary messages; a text with more, or with brackets in its strings, is checked closely.
_SHALLOW: Final = 12

_PAIRS: Final = bytes.maketrans(b"[]{}", b"()()")
_NO_BRACKET: Final = bytes(set(range(256)) - set(b"[]{}"))
_NO_BRACKET_NOR_END: Final = bytes(set(range(256)) - set(b"[]{}\n"))
_STEPS: Final = {ord("("): 1, ord(")"): -1}
#: Digits and points become 0, e and E become e, bytes that may precede a number become a comma.
_KINDS: Final = bytes(
    ord("0") if byte in b"0123456789." else ord("e") if byte in b"eE" else ord(",") if byte in b"[:, \t\r\n" else byte
    for byte in range(256)
)
#: A number that may be too long or too large for a float.
_LARGE = re.compile(rb"[0-9](?:[0-9.eE+-]{%d,}|[0-9.]*[eE]\+?[0-9]{3,})" % (DIGITS - 1))
_UNFINISHED = re.compile(rb"[0-9.eE+-]*\Z")


class LimitExceeded(ValueError):
    """A JSON text exceeds a limit. `what`: the limit; `place`: where, such as `$.a[3]`, empty if not searched for."""

    def __init__(self, what: str, place: str = "") -> None:
        super().__init__(f"{place}: {what}" if place else what)
        self.what = what
        self.place = place


class TooDeep(LimitExceeded):
    """The text has more than NESTED levels."""

    def __init__(self, place: str = "") -> None:
        super().__init__(f"nested too deeply, over {NESTED} levels; flatten it, or leave it out", place)


class TooLarge(LimitExceeded):
    """The text has a number of over DIGITS digits, or too large for a float."""

    def __init__(self, place: str = "") -> None:
        super().__init__(
            f"a number of over {DIGITS} digits, or beyond 1.8e308; send it as text, or leave it out", place
        )


class TooMany(LimitExceeded):
    """The text has more than VALUES values, or an object with more than NAMES names."""


def check(json: bytes, place: str = "$") -> None:
    """Raise LimitExceeded for a text with too many values, levels or digits. `place`: of the text, for messages.

    The parser decides whether it is JSON; a text that is not JSON may also exceed a limit here.
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
    """Return whether a text that was checked before, or made from one, has more than NESTED levels."""
    if not _may_be_deep(json):
        return False
    try:
        check(json)
    except TooDeep:
        return True
    return False


def check_lines(json: bytes) -> None:
    """Check JSON Lines: like `check`, for each line."""
    if _is_suspicious(json):
        for number, line in enumerate(json.split(b"\n"), start=1):
            check(line, f"line {number}: $")


def are_small(lines: Sequence[bytes], json: bytes) -> bool:
    """Return whether no line of JSON Lines can exceed a limit, without a look at each. `lines`: those of `json`."""
    # So short that there is no room for more than NAMES names, and with too few brackets for NESTED levels.
    brackets = json.translate(None, _NO_BRACKET_NOR_END).split(b"\n")
    return max(map(len, lines)) <= SMALL and max(map(len, brackets)) <= NESTED and not _may_have_large_numbers(json)


def check_names(json: bytes, place: str) -> None:
    """Raise TooMany if an object in a text, which must be valid JSON, has more than NAMES names."""
    # Every name is followed by a colon, so nearly all texts need no closer check.
    if json.count(b":") > NAMES and (found := json_places.crowded(json, NAMES)) is not None:
        raise TooMany(f"over {NAMES:,} names in one object", place + found)


class Scan:
    """Checks one text that arrives in pieces. `depth`: open levels; `values`: a lower bound of the values so far."""

    def __init__(self) -> None:
        self.depth = 0
        self.values = 0
        self._in_text = 0
        self._escape = b""
        self._number = b""

    def feed(self, piece: bytes) -> None:
        """Check the next piece. Raises TooDeep, TooLarge, both without a place."""
        plain = self._without_texts(piece)
        self._nest(plain)
        self.values += plain.count(b",") + plain.count(b"[") + plain.count(b"{")
        self._count_digits(self._number + plain)

    def end(self) -> None:
        """Check the end of the text. Raises TooLarge."""
        _check_numbers(self._number)

    def _without_texts(self, piece: bytes) -> bytes:
        """Return the part outside of strings, with a quotation mark in place of each string."""
        piece = self._escape + piece
        self._escape = b""
        if b"\\" in piece:
            # Pairs first: a backslash that is left over then escapes the next byte.
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
    """Raise TooLarge for a number beyond a limit. `plain`: the text without strings."""
    for found in _LARGE.finditer(plain):
        if _is_large(found[0]):
            raise TooLarge


def _is_large(number: bytes) -> bool:
    if len(number) - sum(map(number.count, (b".", b"e", b"E", b"+", b"-"))) > DIGITS:
        return True
    try:
        return isinf(float(number))
    except ValueError:  # not a number; the parser will reject it
        return False


def _is_suspicious(json: bytes) -> bool:
    """Return whether a text may exceed a limit. For ordinary texts this takes a hundredth of the time of parsing."""
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
    at = kinds.rfind(b"0e000")  # three times as fast as from the front
    while at >= 0:
        # Most matches are inside a word, such as a hexadecimal id.
        before = kinds[max(0, at - DIGITS) : at].rstrip(b"0")
        if before.removesuffix(b"-")[-1:] in (b"", b","):
            return True
        at = kinds.rfind(b"0e000", 0, at + 4)
    return False


def _place_of(json: bytes, kind: type[LimitExceeded]) -> str:
    """Return the first place where a text exceeds a limit of levels or digits."""
    return json_places.deeper(json, NESTED) if kind is TooDeep else json_places.of(json, _is_large_token)


def _is_large_token(token: bytes) -> bool:
    return (token[:1].isdigit() or token[:1] == b"-") and _is_large(token.lstrip(b"-"))
