"""Cursor pages over an ordered collection; the cursor names the last item of a page, so deletions skip no item."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec
import orjson

from emulator.errors import bad_parameter
from emulator.query import Query

T = TypeVar("T")
Position = tuple[Any, str]


class Page(msgspec.Struct, Generic[T], frozen=True):
    """The items of one page and the cursor of the next page; None on the last page."""

    items: Sequence[T]
    cursor: str | None


def page(items: Sequence[T], position: Callable[[T], Position], query: Query) -> Page[T]:
    """Return the page that the query asks for.

    `items` must be in ascending order of `position`: a unique (sort value, id); a descending page has them reversed.
    """
    seen = _seen(items, position, query.cursor, query.descending) if query.cursor else None
    if query.descending:
        end = len(items) if seen is None else seen
        chunk, more = items[max(0, end - query.size) : end][::-1], end > query.size
    else:
        start = seen or 0
        chunk, more = items[start : start + query.size], start + query.size < len(items)
    return Page(chunk, _write(position(chunk[-1])) if more else None)


def _seen(items: Sequence[T], position: Callable[[T], Position], cursor: str, descending: bool) -> int:
    """Return the index at which the previous page ended."""
    try:
        last = _read(cursor)
        return (bisect_left if descending else bisect_right)(items, last, key=position)
    except (binascii.Error, ValueError, TypeError):
        raise bad_parameter("page[cursor]", "Invalid page cursor.") from None


def _write(position: Position) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(position)).rstrip(b"=").decode()


def _read(cursor: str) -> Position:
    value, item_id = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return value, item_id
