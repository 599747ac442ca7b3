"""Read JSON, as one document or as one object a line, member by member."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import ijson
import msgspec

from mappings import json_limits
from mappings.columns import ColumnError, ColumnPlaces, ColumnSettings, ColumnTarget, layout
from mappings.json_limits import NAMES, LimitExceeded, Scan
from snapshots.customers import Described, describe
from snapshots.json_members import members
from snapshots.lines import MAX_LINE, blocks, check_length, without_mark
from snapshots.report import ReadReport
from snapshots.rows import Selection, Unreadable
from text.json_names import TWICE, says_as_much, twice
from text.surrogates import of_pieces, whole_characters

_READ: Final = 65_536
_ATTRIBUTES: Final = "attributes"
#: Sets of names whose meaning is remembered, and characters of one; a file has few.
_LAYOUTS: Final = 1_000
_LAYOUT: Final = 16_384
_decode = msgspec.json.Decoder().decode
_encode_lines = msgspec.json.Encoder().encode_lines


def described(
    pieces: Iterator[bytes], settings: ColumnSettings, selection: Selection, report: ReadReport
) -> Iterator[Described]:
    """Yield the members of `[...]` or `{"members": [...]}`. Raises Unreadable."""
    body = _Body(pieces)
    reader = _Members("member", settings, selection, report)
    number = 0
    try:
        for number, member in enumerate(members(ijson.basic_parse(body, buf_size=_READ)), start=1):
            body.passed = 0
            yield reader.read(number, member, number)
    except LimitExceeded as error:
        raise Unreadable(f"the JSON after member {number:,} is {error}") from error
    except ijson.JSONError as error:
        # Without the library's message, which quotes a part of the body.
        raise Unreadable(f"the text after member {number:,} is not JSON: send the complete document again") from error


def described_lines(
    pieces: Iterator[bytes], settings: ColumnSettings, selection: Selection, report: ReadReport
) -> Iterator[Described]:
    """Yield the object of each line that is not blank. Raises Unreadable."""
    reader = _Members("line", settings, selection, report)
    for number, (line, value) in enumerate(objects(pieces), start=1):
        yield reader.read(number, value, line)


def objects(pieces: Iterator[bytes]) -> Iterator[tuple[int, Any]]:
    """Yield the value of each line that is not blank, with its number from 1. Raises Unreadable."""
    for first, found in blocks(pieces):
        block = whole_characters(found)
        lines = block.removesuffix(b"\n").split(b"\n")
        values = _usual(block, lines)
        yield from _one_by_one(lines, first) if values is None else enumerate(values, start=first)


def _usual(block: bytes, lines: list[bytes]) -> list[Any] | None:
    """Return the value of each line; None for a block with a line that must be looked at by itself.

    All checks of a block together take a fraction of the time of those of its lines.
    """
    if not json_limits.are_small(lines, block):
        return None
    try:
        values = [*map(_decode, lines)]
        written = _encode_lines(values)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return None
    return values if says_as_much(written, block) else None


def _one_by_one(lines: Iterable[bytes], first: int) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, start=first):
        check_length(line, number)
        if not line or line.isspace():
            continue
        try:
            json_limits.check(line, f"line {number:,}: $")
            json_limits.check_names(line, f"line {number:,}: $")
            value = _decode(line)
            names = twice(line)
        except LimitExceeded as error:
            raise Unreadable(str(error)) from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Unreadable(f"line {number:,} is not JSON: {_remedy(line)}") from error
        if names:
            raise Unreadable(f"line {number:,}{names[0]}: {TWICE}: remove one of them")
        yield number, value


def _remedy(line: bytes) -> str:
    if re.search(rb"[:,\[]\s*-?(?:NaN|Infinity)\b", line):
        return "leave out NaN and Infinity, which JSON does not have, with their names; null would clear the attribute"
    return "send one object per line, and the complete file"


class _Members:
    """Describes members: the object `attributes` and all names that are not identifiers are attributes.

    `what`: what a member is in the body, for messages: "line" or "member", before its number.
    """

    def __init__(self, what: str, settings: ColumnSettings, selection: Selection, report: ReadReport) -> None:
        self._what = what
        self._settings = settings
        self._selection = selection
        self._report = report
        self._layouts: dict[tuple[str, ...], _Layout] = {}

    def read(self, number: int, member: Any, at: int) -> Described:
        """Describe a member; `at`: its number in the body, for messages. Raises Unreadable."""
        if not isinstance(member, dict):
            raise Unreadable(f'{self._place(at)} is not an object: write each member as {{"email": "..."}}')
        nested = member.pop(_ATTRIBUTES, None) or {}
        if not isinstance(nested, dict):
            raise Unreadable(
                f"{self._place(at)} has attributes that are not an object: write them as names with values"
            )
        described = self._flat(number, member, at)
        if nested:
            described.attributes.update(zip(self._layout(nested, at).names, nested.values(), strict=True))
        if len(described.attributes) > NAMES:
            raise Unreadable(f"{self._place(at)} has over {NAMES:,} attributes: send fewer")
        return described

    def _flat(self, number: int, member: dict[str, Any], at: int) -> Described:
        known, values = self._layout(member, at), [*member.values()]
        described = describe(number, values, known.places, self._report)
        return described._replace(known=self._one_each(known.places, values, at)) if known.doubled else described

    def _one_each(self, places: ColumnPlaces, values: list[Any], at: int) -> dict[str, Any]:
        """Return the identifiers of a member that has one of them under two names."""
        known: dict[str, Any] = {}
        for place, name in places.identifiers:
            if (value := values[place]) not in (None, "") and known.setdefault(name, value) != value:
                raise Unreadable(f"{self._place(at)} has two values for {name}, under two names: remove one of them")
        return known

    def _layout(self, found: dict[str, Any], at: int) -> _Layout:
        names = tuple(found)
        if (known := self._layouts.get(names)) is None:
            try:
                targets = layout(names, self._settings, whole=False)
            except ColumnError as error:
                raise Unreadable(f"{self._place(at)}: {error}") from error
            self._selection.note(self._report, names, targets)
            known = _Layout.of(targets)
            if len(self._layouts) < _LAYOUTS and sum(map(len, names)) <= _LAYOUT:
                self._layouts[names] = known
        return known

    def _place(self, at: int) -> str:
        return f"{self._what} {at:,}"


class _Layout(NamedTuple):
    """What the names of a member become, in their order. `doubled`: two of them are one identifier."""

    names: list[str]
    places: ColumnPlaces
    doubled: bool

    @classmethod
    def of(cls, targets: Sequence[ColumnTarget]) -> _Layout:
        """Return the layout of names that become these targets."""
        places = ColumnPlaces.of(targets)
        identifiers = [name for _, name in places.identifiers]
        return cls([target.name for target in targets], places, len({*identifiers}) < len(identifiers))


class _Body:
    """The pieces as a file that limits the size of a member. `passed`: bytes read since the last member."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        # The parser would make another character of a half and what follows it.
        self._pieces = of_pieces(without_mark(pieces))
        self._rest = b""
        self.passed = 0
        self._scan = Scan()

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes; none at the end.

        Raises Unreadable when a member is too long, and LimitExceeded when it exceeds a limit. This happens before the
        parser gets the bytes, because for each level of nesting it stores the path of all levels above.
        """
        while size and not self._rest and (piece := next(self._pieces, None)) is not None:
            self._rest = piece
        taken, self._rest = self._rest[:size], self._rest[size:]
        self._scan.feed(taken) if taken else self._scan.end()
        self.passed += len(taken)
        if self.passed > MAX_LINE + 2 * _READ:
            raise Unreadable(f"a member is longer than {MAX_LINE:,} bytes: check the form of the document")
        return taken
