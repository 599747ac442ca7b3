"""Half characters in JSON become U+FFFD, and everything else stays."""

from __future__ import annotations

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from text.surrogates import of_pieces, whole_characters

PIECES = st.lists(
    st.sampled_from(["\ud83d", "\ude00", "😀", "\\", '"', "u", "ud83d", "d83d", "a", "é", "\n", "\udfff", "\ud800"]),
    max_size=30,
)


@given(PIECES, PIECES)
def test_what_is_left_is_what_python_reads_with_a_mark_for_each_lone_surrogate(
    name: list[str], value: list[str]
) -> None:
    # Python's parser makes one character of two halves that stand side by side, as a text of JavaScript has it.
    written = json.dumps({"".join(name): ["".join(value), "end"]})
    whole = {_whole(key): [_whole(text) for text in texts] for key, texts in json.loads(written).items()}
    assert msgspec.json.decode(whole_characters(written.encode())) == whole


@given(PIECES, st.integers(1, 15))
def test_a_text_in_pieces_becomes_the_same_wherever_it_is_cut(value: list[str], size: int) -> None:
    for json_text in (json.dumps("".join(value)).encode(), "".join(value).encode("utf-8", "replace")):
        pieces = (json_text[at : at + size] for at in range(0, len(json_text), size))
        assert b"".join(of_pieces(pieces)) == whole_characters(json_text)


@given(PIECES)
def test_halves_as_bytes_become_the_same_as_escaped_ones(value: list[str]) -> None:
    raw = json.dumps("".join(value), ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert msgspec.json.decode(whole_characters(raw)) == _whole(json.loads(json.dumps("".join(value))))


def test_a_long_text_of_backslashes_is_read_once() -> None:
    text = b'"' + rb"\\" * 250_000 + rb"\\ud83d" * 100_000 + b'"'
    assert whole_characters(text) == text


def _whole(text: str) -> str:
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (rb'{"a":"\ud83d"}', rb'{"a":"\ufffd"}'),
        (rb'{"a":"x\uD83D y"}', rb'{"a":"x\ufffd y"}'),
        (rb'{"a":"\ude00\ud83d"}', rb'{"a":"\ufffd\ufffd"}'),
        (rb'{"a":"\ud83d\ud83d\ude00"}', rb'{"a":"\ufffd\ud83d\ude00"}'),
        (rb'{"a":"\\ud83d"}', rb'{"a":"\\ud83d"}'),
        (rb'{"a":"\\\ud83d"}', rb'{"a":"\\\ufffd"}'),
        (rb'{"a":"\\ud83d\ude00"}', rb'{"a":"\\ud83d\ufffd"}'),
        (rb'{"a":"\u00e9"}', rb'{"a":"\u00e9"}'),
        (rb'{"a":"\ud83', rb'{"a":"\ud83'),
        (b"", b""),
    ],
)
def test_an_escape_of_a_half_becomes_that_of_a_mark_and_an_escaped_backslash_stays(before: bytes, after: bytes) -> None:
    assert whole_characters(before) == after
