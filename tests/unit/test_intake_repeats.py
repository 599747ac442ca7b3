"""A name that stands twice is found, however it is written; what is within the values is not looked at."""

from __future__ import annotations

import json
from collections import Counter

import falcon
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import faults
from intake.mparticle_messages import decoder
from intake.repeats import repeated

NAMES = ("type", "id")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{}", ""),
        ('{"type":1,"id":2}', ""),
        ('{"type":1,"type":1}', "type"),
        ('{"id":1,"type":{},"id":null}', "id"),
        ('{"type":1,"t\\u0079pe":2}', "type"),
        (' { "type" : 1 ,\n"x": "}" , "type" : 2 } ', "type"),
        ('{"x":1,"x":2}', ""),
        ('{"x":1,"x":2,"id":3,"id":4}', "id"),
        ('{"a":{"type":1,"type":2},"b":[{"id":1,"id":2}]}', ""),
        ('{"a":"\\"type\\":1","b":"\\"type\\":2"}', ""),
    ],
)
def test_the_first_known_name_that_stands_twice_is_told(text: str, found: str) -> None:
    assert repeated(text.encode(), NAMES) == found
    assert repeated(msgspec.Raw(text.encode()), NAMES) == found


@given(st.lists(st.tuples(st.sampled_from(["type", "id", "x", "", "é"]), st.integers() | st.text(max_size=3))))
def test_whatever_stands_around_it_a_name_is_counted_exactly(members: list[tuple[str, int | str]]) -> None:
    text = "{" + ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in members) + "}"
    twice = {name for name, times in Counter(name for name, _ in members).items() if times > 1}
    found = repeated(text.encode(), NAMES)
    assert found in twice if twice & set(NAMES) else found == ""


def test_a_message_with_a_name_twice_is_refused_naming_it() -> None:
    with pytest.raises(falcon.HTTPBadRequest, match="400") as refused:
        faults.read(decoder, b'{"type":"event_processing_request","id":"a","id":"b"}')
    assert str(refused.value.description).startswith("$.id: stands there twice")
