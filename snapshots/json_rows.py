"""Read JSON, as one document or as one object a line, member by member."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import ijson
import msgspec

from mappings import json_limits
from mappings.columns import ColumnError, ColumnSettings, ColumnTarget, layout
from mappings.json_limits import NAMES, LimitExceeded, Scan
from snapshots.json_members import members
from snapshots.lines import MAX_LINE, lines, without_mark
from snapshots.objects import properties_of
from snapshots.persons import Described
from snapshots.report import ReadReport
from snapshots.rows import Selection, Unreadable
from text.json_names import TWICE, twice

_READ: Final = 65_536
_ATTRIBUTES: Final = "attributes"
#: Sets of names whose meaning is remembered; a file has few.
_LAYOUTS: Final = 1_000
_decode = msgspec.json.Decoder().decode


def described(
    pieces: Iterator[bytes], settings: ColumnSettings, selection: Selection, report: ReadReport
) -> Iterator[Described]:
    """Yield the members of `[...]` or `{"members": [...]}`. Raises Unreadable."""
    body = _Body(pieces)
    reader = _Members(settings, selection, report)
    number = 0
    try:
        for number, member in enumerate(members(ijson.basic_parse(body, buf_size=_READ)), start=1):
            body.passed = 0
            yield reader.read(number, member, f"member {number:,}")
    except LimitExceeded as error:
        raise Unreadable(f"the JSON after member {number:,} is {error}") from error
    except ijson.JSONError as error:
        # Without the library's message, which quotes a part of the body.
        raise Unreadable(f"the text after member {number:,} is not JSON: send the complete document again") from error


def described_lines(
    pieces: Iterator[bytes], settings: ColumnSettings, selection: Selection, report: ReadReport
) -> Iterator[Described]:
    """Yield the object of each line that is not blank. Raises Unreadable."""
    reader = _Members(settings, selection, report)
    for number, (line, value) in enumerate(objects(lines(pieces)), start=1):
        yield reader.read(number, value, f"line {line:,}")


def objects(lines: Iterator[bytes]) -> Iterator[tuple[int, Any]]:
    """Yield the value of each line that is not blank, with its number from 1. Raises Unreadable."""
    for number, line in enumerate(lines, start=1):
        if line.isspace():
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
        return "write null for NaN and Infinity, which JSON does not have"
    return "send one object per line, and the complete file"


class _Members:
    """Describes members: the object `attributes` and all names that are not identifiers are attributes."""

    def __init__(self, settings: ColumnSettings, selection: Selection, report: ReadReport) -> None:
        self._settings = settings
        self._selection = selection
        self._report = report
        self._layouts: dict[tuple[str, ...], list[ColumnTarget]] = {}

    def read(self, number: int, member: Any, place: str) -> Described:
        """Describe a member; `place`: its place in the body, for messages. Raises Unreadable."""
        if not isinstance(member, dict):
            raise Unreadable(f'{place} is not an object: write each member as {{"email": "..."}}')
        nested = member.pop(_ATTRIBUTES, None) or {}
        if not isinstance(nested, dict):
            raise Unreadable(f"{place} has attributes that are not an object: write them as names with values")
        described = self._flat(number, member, place)
        for target, value in zip(self._layout(nested, place), nested.values(), strict=True):
            described.attributes[target.name] = value
        if len(described.attributes) > NAMES:
            raise Unreadable(f"{place} has over {NAMES:,} attributes: send fewer")
        return described

    def _flat(self, number: int, member: dict[str, Any], place: str) -> Described:
        known: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        properties = None
        for (kind, name, _), value in zip(self._layout(member, place), member.values(), strict=True):
            if kind == "identifier":
                if value not in (None, "") and known.setdefault(name, value) != value:
                    raise Unreadable(f"{place} has two values for {name}, under two names: remove one of them")
            elif kind == "properties":
                properties = properties_of(value, self._report)
            elif kind != "ignored":
                attributes[name] = value
        return Described(number, known, attributes, properties=properties)

    def _layout(self, found: dict[str, Any], place: str) -> list[ColumnTarget]:
        names = tuple(found)
        if (known := self._layouts.get(names)) is None:
            try:
                known = layout(names, self._settings, whole=False)
            except ColumnError as error:
                raise Unreadable(f"{place}: {error}") from error
            self._selection.note(self._report, names, known)
            if len(self._layouts) < _LAYOUTS:
                self._layouts[names] = known
        return known


class _Body:
    """The pieces as a file that limits the size of a member. `passed`: bytes read since the last member."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = without_mark(pieces)
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
