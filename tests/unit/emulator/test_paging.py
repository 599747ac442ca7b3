from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import ApiError
from emulator.paging import page
from emulator.query import Query


def position(item: tuple[int, str]) -> tuple[int, str]:
    return item


def walk(items: list[tuple[int, str]], size: int, descending: bool) -> list[tuple[int, str]]:
    seen: list[tuple[int, str]] = []
    cursor: str | None = None
    while True:
        shown = page(items, position, Query(size=size, cursor=cursor, descending=descending))
        assert len(shown.items) <= size
        seen.extend(shown.items)
        cursor = shown.cursor
        if cursor is None:
            return seen


@given(st.sets(st.tuples(st.integers(0, 5), st.text(max_size=3))), st.integers(1, 4), st.booleans())
def test_following_the_cursors_shows_every_item_once_and_in_order(
    items: set[tuple[int, str]], size: int, descending: bool
) -> None:
    ordered = sorted(items)
    assert walk(ordered, size, descending) == (ordered[::-1] if descending else ordered)


def test_an_item_deleted_between_two_pages_makes_no_gap() -> None:
    items = [(n, "x") for n in range(6)]
    first = page(items, position, Query(size=3))
    left = [item for item in items if item not in first.items]
    assert page(left, position, Query(size=3, cursor=first.cursor)).items == left


@pytest.mark.parametrize("cursor", ["nonsense", "W10", "WyJhIiwiYiJd", "bnVsbA", "€"])
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ApiError) as refused:
        page([(1, "x"), (2, "y")], position, Query(size=1, cursor=cursor))
    assert refused.value.problems[0].parameter == "page[cursor]"
