"""Cutting people into requests: nobody lost, nobody twice, no cap exceeded, no request more than needed."""

from __future__ import annotations

from itertools import pairwise
from urllib.parse import parse_qs, quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from klaviyo.calls import MAX_BODY, MAX_ROW_BYTES, chunks
from klaviyo.imports import MAX_ROWS, encode_import
from klaviyo.lookups import MAX_FILTER, MAX_VALUES, any_of, equals, query

values = st.lists(st.text(min_size=1, max_size=60), max_size=250)


@given(
    items=st.lists(st.binary(max_size=30), max_size=60),
    max_items=st.integers(1, 10),
    max_bytes=st.integers(1, 100),
)
def test_chunks_keep_order_and_caps_and_are_as_long_as_they_may(
    items: list[bytes], max_items: int, max_bytes: int
) -> None:
    parts = list(chunks(items, max_items, max_bytes))
    assert [item for part in parts for item in part] == items
    for part in parts:
        assert 1 <= len(part) <= max_items
        assert len(part) == 1 or sum(len(item) + 1 for item in part) <= max_bytes
    for part, following in pairwise(parts):
        grown = sum(len(item) + 1 for item in [*part, following[0]])
        assert len(part) == max_items or grown > max_bytes


def test_an_item_above_the_cap_gets_a_request_of_its_own() -> None:
    assert list(chunks([b"a", b"b" * 50, b"c"], 10, 20)) == [[b"a"], [b"b" * 50], [b"c"]]


@pytest.mark.parametrize("row_bytes", [300, 100_000])
def test_a_chunk_of_rows_always_fits_one_import(row_bytes: int) -> None:
    rows = [b"x" * row_bytes] * (2 * MAX_BODY // row_bytes)
    for part in chunks(rows, MAX_ROWS, MAX_ROW_BYTES):
        assert len(encode_import(part, "list-id")) <= MAX_BODY


@pytest.mark.parametrize("rows", [[], [b"{}"] * (MAX_ROWS + 1), [b"x" * MAX_BODY]])
def test_an_import_that_klaviyo_would_refuse_as_a_whole_is_not_built(rows: list[bytes]) -> None:
    with pytest.raises(ValueError, match="The request takes"):
        encode_import(rows, None)


@given(values)
@example(["+" * 60] * 250)
def test_filters_name_every_value_and_fit_a_url(people: list[str]) -> None:
    filters = list(any_of("email", people))
    assert [value for expression in filters for value in strings_of(expression)] == people
    for expression in filters:
        assert len(strings_of(expression)) <= MAX_VALUES
        assert len(quote(expression, safe="")) <= MAX_FILTER + 100


@given(st.text())
def test_a_filter_survives_the_url(value: str) -> None:
    expression = equals("name", value)
    assert parse_qs(query({"filter": expression}), strict_parsing=True) == {"filter": [expression]}
    assert strings_of(expression) == [value]


def test_a_plus_in_an_address_is_not_turned_into_a_space() -> None:
    encoded = query({"filter": next(any_of("email", ["a+b@example.com", "c d"]))})
    assert encoded == "filter=any%28email%2C%5B%22a%2Bb%40example.com%22%2C%22c%20d%22%5D%29"


def test_quotes_and_backslashes_in_a_name_do_not_end_the_string() -> None:
    assert equals("name", 'the "best", \\ ones') == 'equals(name,"the \\"best\\", \\\\ ones")'


def strings_of(expression: str) -> list[str]:
    """The double-quoted strings of a filter, read the other way round than they were written."""
    found: list[str] = []
    inside = False
    characters = iter(expression)
    for character in characters:
        if character == '"':
            inside = not inside
            if inside:
                found.append("")
        elif inside:
            found[-1] += next(characters) if character == "\\" else character
    return found
