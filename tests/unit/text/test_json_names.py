"""A name that stands twice is found at any depth, however it is written; an unknown one is told with what is near."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import falcon
import ijson
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.http import faults
from intake.mparticle.messages import decoder
from snapshots.json_members import members
from snapshots.rows import Unreadable
from text.json_names import shown, twice, unknown

#: Names that are alike in one way or another, and texts that look like JSON.
NAMES = st.sampled_from(["id", "type", "x", "", "é", 'a"', "a\\", ":", '"id":', "{}"])
TEXTS = st.sampled_from(["", '"', "\\", '\\"', '"id":1', "é", "\x00", "\U0001f600", "[{"]) | st.text(max_size=3)
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | TEXTS


class Pairs(list[tuple[str, Any]]):
    """An object whose names may stand twice."""


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(NAMES, inner), max_size=4).map(Pairs),
    max_leaves=12,
)


def written(value: Any, escape: bool, space: str) -> str:
    if isinstance(value, Pairs):
        inner = [
            f"{json.dumps(name, ensure_ascii=escape)}{space}:{space}{written(each, escape, space)}"
            for name, each in value
        ]
        return "{" + f"{space},{space}".join(inner) + "}"
    if isinstance(value, list):
        return "[" + f"{space},{space}".join(written(each, escape, space) for each in value) + "]"
    return json.dumps(value, ensure_ascii=escape)


def count(value: Any) -> int:
    """How many members are lost in a dictionary."""
    if isinstance(value, Pairs):
        names = [name for name, _ in value]
        return len(names) - len(set(names)) + sum(count(each) for _, each in value)
    return sum(map(count, value)) if isinstance(value, list) else 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{}", []),
        ('{"type":1,"id":2}', []),
        ('{"type":1,"type":1}', [".type"]),
        ('{"type":1,"t\\u0079pe":2}', [".type"]),
        (' { "type" : 1 ,\n"x": "}" , "type" : 2 } ', [".type"]),
        ('{"x":1,"x":2,"x":3}', [".x", ".x"]),
        ('{"audience":{"id":1,"id":2}}', [".audience.id"]),
        ('{"changes":[{},{"audience":{"id":1,"id":2}}]}', [".changes[1].audience.id"]),
        ('[[{"value":1,"value":2}]]', ["[0][0].value"]),
        ('{"a":"\\"type\\":1","b":"\\"type\\":2"}', []),
        ('{"a":1e999,"b":' + "9" * 5_000 + ',"b":1}', [".b"]),
        ('{"a":{"ann@example.com":1,"ann@example.com":2}}', [".a.(a name of 15 characters)"]),
        ('{"+4915112345678":1,"+4915112345678":2}', [".(a name of 14 characters)"]),
        ('{"\\u001b[2J":1,"\\u001b[2J":2}', [".(a name of 4 characters)"]),
        ("5", []),
    ],
)
def test_every_name_that_stands_twice_is_told_with_its_place(text: str, found: list[str]) -> None:
    assert twice(text.encode()) == found
    assert twice(msgspec.Raw(text.encode())) == found


@given(VALUES, st.booleans(), st.sampled_from(["", " ", "\n\t"]))
def test_names_are_counted_exactly_whatever_stands_around_them(value: Any, escape: bool, space: str) -> None:
    assert len(twice(written(value, escape, space).encode())) == count(value)


@given(st.lists(VALUES, max_size=4), st.booleans())
def test_what_is_read_by_itself_later_is_not_looked_at(items: list[Any], escape: bool) -> None:
    text = f'{{"id": 1, "items": {written(items, escape, " ")}, "x": {{"a": 1, "a": 2}}}}'
    assert twice(text.encode(), apart=("items",)) == [".x.a"]
    again = text[:-1] + ', "items": []}'
    assert ".items" in twice(again.encode(), apart=("items",))


@given(st.lists(VALUES, max_size=4), st.booleans())
def test_a_document_of_members_is_read_as_it_is_or_refused_for_a_name(items: list[Any], escape: bool) -> None:

    text = written(items, escape, " ").encode()
    if count(items):
        with pytest.raises(Unreadable, match="appears twice"):
            list(members(ijson.basic_parse(text)))
    else:
        assert list(members(ijson.basic_parse(text))) == json.loads(text)


def test_a_name_is_found_however_deep_it_is() -> None:
    deep = b'{"a":' * 100_000 + b'{"b":1,"b":2}' + b"}" * 100_000
    assert [len(place) for place in twice(deep)] == [200_002]


def test_a_name_is_found_among_many_values_in_a_few_times_the_memory_of_the_text() -> None:
    text = b'{"x":[' + b",".join([b'"abcdefghijkl"'] * 50_000) + b'],"x":1}'
    tracemalloc.start()
    try:
        assert twice(text) == [".x"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(text)


def test_a_message_with_a_name_twice_is_refused_naming_it() -> None:
    with pytest.raises(falcon.HTTPBadRequest, match="400") as refused:
        faults.read(decoder, b'{"type":"event_processing_request","account":{"account_id":1,"account_id":2}}')
    assert str(refused.value.description).startswith("$.account.account_id: appears twice")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("exclusion", "exclusion: unknown; did you mean exclusions?"),
        ("Exclusions", "Exclusions: unknown; did you mean exclusions?"),
        ("atributes", "atributes: unknown; did you mean attributes?"),
        ("color", "color: unknown; known names: name, attributes, exclusions"),
        ("ann@example.com", "(a name of 15 characters): unknown; known names: name, attributes, exclusions"),
    ],
)
def test_an_unknown_name_is_told_with_the_one_that_may_be_meant(name: str, told: str) -> None:
    assert unknown(name, ("name", "attributes", "exclusions")) == told


def test_where_nothing_is_known_an_unknown_name_says_so() -> None:
    assert unknown("x", ()) == "x: unknown; no names are allowed here"


@given(st.text())
def test_no_name_that_is_shown_can_be_an_address_or_write_to_a_terminal(name: str) -> None:
    told = shown(name)
    assert told.isascii()
    assert told.isprintable()
    assert "@" not in told
