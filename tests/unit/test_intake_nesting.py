"""JSON that is nested too deeply is told apart by its levels, not by its size."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.nesting import too_deep


def levels(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(levels, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(levels, value), default=0)
    return 0


@pytest.mark.parametrize("pair", ["[]", "{}"])
@pytest.mark.parametrize(("depth", "expected"), [(63, False), (64, False), (65, True), (300, True)])
def test_sixty_four_levels_are_read_and_one_more_is_not(pair: str, depth: int, expected: bool) -> None:
    inner = '"a":' if pair == "{}" else ""
    text = (pair[0] + inner) * (depth - 1) + pair + pair[1] * (depth - 1)
    assert levels(json.loads(text)) == depth
    assert too_deep(text.encode()) is expected


def test_many_neighbours_are_not_deep() -> None:
    assert not too_deep(json.dumps([{"a": [{}]}] * 10_000).encode())


def test_brackets_and_quotes_in_texts_do_not_count() -> None:
    assert not too_deep(json.dumps({"a": "[" * 1_000, 'b"' * 9 + "{" * 100: '\\"[[{{' * 100}).encode())
    assert too_deep(b'["\\"", "\\\\", ' + b"[" * 70 + b"]" * 71)


@given(
    st.recursive(
        st.none() | st.text('[]{}"\\a', max_size=6),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('[]{}"\\a', max_size=3), inner, max_size=4),
        max_leaves=40,
    ),
    st.integers(0, 6),
)
def test_the_levels_are_counted_exactly(value: Any, most: int) -> None:
    assert too_deep(json.dumps(value).encode(), most) is (levels(value) > most)
