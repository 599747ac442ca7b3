"""Half characters in JSON are left out, and everything else stays."""

from __future__ import annotations

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from text.surrogates import without_halves

PIECES = st.lists(
    st.sampled_from(["\ud83d", "\ude00", "😀", "\\", '"', "u", "ud83d", "d83d", "a", "é", "\n", "\udfff", "\ud800"]),
    max_size=30,
)


@given(PIECES, PIECES)
def test_what_is_left_is_what_python_reads_without_lone_surrogates(name: list[str], value: list[str]) -> None:
    # Python's parser makes one character of two halves that stand side by side, as a text of JavaScript has it.
    written = json.dumps({"".join(name): ["".join(value), "end"]})
    whole = {_whole(key): [_whole(text) for text in texts] for key, texts in json.loads(written).items()}
    assert msgspec.json.decode(without_halves(written.encode())) == whole


def _whole(text: str) -> str:
    return re.sub("[\ud800-\udfff]", "", text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (rb'{"a":"\ud83d"}', rb'{"a":""}'),
        (rb'{"a":"x\uD83D y"}', rb'{"a":"x y"}'),
        (rb'{"a":"\ude00\ud83d"}', rb'{"a":""}'),
        (rb'{"a":"\ud83d\ud83d\ude00"}', rb'{"a":"\ud83d\ude00"}'),
        (rb'{"a":"\\ud83d"}', rb'{"a":"\\ud83d"}'),
        (rb'{"a":"\\\ud83d"}', rb'{"a":"\\"}'),
        (rb'{"a":"\\ud83d\ude00"}', rb'{"a":"\\ud83d"}'),
        (rb'{"a":"\u00e9"}', rb'{"a":"\u00e9"}'),
        (rb'{"a":"\ud83', rb'{"a":"\ud83'),
        (b"", b""),
    ],
)
def test_an_escape_of_a_half_goes_and_an_escaped_backslash_stays(before: bytes, after: bytes) -> None:
    assert without_halves(before) == after
