"""JSON that is too deep, too wide or has too large numbers is told apart by what it says, not by how it is spelled."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import json_limits
from mappings.json_limits import DIGITS, NAMES, NESTED, VALUES, Scan, TooDeep, TooLarge, TooMany


def levels(value: Any) -> int:
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if within is None else 1 + max(map(levels, within), default=0)


def nested(depth: int, pair: str, inner: str = "") -> bytes:
    opening = pair[0] + ('"a":' if pair == "{}" else "")
    return (opening * (depth - 1) + pair[0] + inner + pair[1] * depth).encode()


@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_sixty_four_levels_are_read_and_one_more_is_not(pair: str) -> None:
    json_limits.check(nested(NESTED, pair))
    for depth in (NESTED + 1, 300, 20_000):
        with pytest.raises(TooDeep, match="over 64 levels"):
            json_limits.check(nested(depth, pair))
    assert not json_limits.is_deep(nested(NESTED, pair))
    assert json_limits.is_deep(nested(NESTED + 1, pair))


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([{"a": [{}]}] * 10_000),
        json.dumps({"a": "[" * 1_000, 'b"' * 9 + "{" * 100: '\\"[[{{' * 100}),
        json.dumps("\\" * 65_535 + '"' + "[" * 100_000),
        '["\\"", "\\\\", "' + "[" * 70 + '"]',
        json.dumps([", 1e999 ,", ":-1e999", "9" * 500, "\\", '"9e999', "3e123-8e999"]),
        '{"id":"3e999000-1e99-4e55-8e12-6e4321000000","a":1e308,"b":-1e+307,"c":1E-999,"d":0e999}',
        "[" + "9" * DIGITS + ",-" + "9" * DIGITS + ",0." + "9" * (DIGITS - 1) + "]",
    ],
    ids=lambda text: text[:24],
)
def test_what_only_looks_like_it_goes_through(text: str) -> None:
    json_limits.check(text.encode())


#: What stands in an array or object for a number that is none of Klaviyo's, of JSON's or of anybody's.
LARGE = [
    *("1e999", "-1e999", "1E+309", "1.5e0000400", "12345e400", "9" * 5_000, "-" + "1" * (DIGITS + 1)),
    *("0." + "0" * DIGITS, "1." + "3" * 70 + "e" + "0" * 40 + "1"),
]


@pytest.mark.parametrize("number", LARGE, ids=lambda text: text[:12])
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a":%s}', "$.a"),
        ('{"a": %s }', "$.a"),
        ('{"x":["[",{}],"a":[1,"\\"",[{"b c":[\t%s]}]]}', "$.a[2][0].b c[0]"),
        ("[1,\n%s]", "$[1]"),
        ('{"ann@example.com":{"id_41555526711":{"n":%s}}}', "$[...][...].n"),
    ],
)
def test_a_number_that_is_too_large_is_found_with_its_place_and_nobody_s_name(
    text: str, place: str, number: str
) -> None:
    with pytest.raises(TooLarge, match=re.escape(f"{place}: a number of over {DIGITS} digits")):
        json_limits.check((text % number).encode())


def test_a_place_that_is_too_deep_is_named_by_where_it_begins() -> None:
    text = b'{"user_profiles":[{},{"audiences":[%s]}]}' % nested(80, "{}", '"n":1')
    with pytest.raises(TooDeep, match=re.escape("$.user_profiles[1].audiences[0].a...: nested too deeply")):
        json_limits.check(text)


@pytest.mark.parametrize("one", [b"1", b"{}", b"[]", b'""', b'"a,b"', b'{"a":1}'])
def test_half_a_million_values_are_read_and_more_are_not(one: bytes) -> None:
    size = 1 + one.count(b":") + (one[:1] in b"[{")
    json_limits.check(b"[" + b",".join([one] * (VALUES // size - 2)) + b"]")
    with pytest.raises(TooMany, match=r"\$: over 500,000 values"):
        json_limits.check(b"[" + b",".join([one] * (VALUES + 2)) + b"]")


def test_a_thousand_names_in_an_object_are_read_and_more_are_not() -> None:
    def person(names: int) -> bytes:
        return json.dumps(
            {"tags": [{"a:": ":"}] * 2_000, "traits": {f"n{at}": {"x": 1} for at in range(names)}}
        ).encode()

    json_limits.check_names(person(NAMES), "$.batch[3]")
    with pytest.raises(TooMany, match=re.escape("$.batch[3].traits: over 1,000 names in one object")):
        json_limits.check_names(person(NAMES + 1), "$.batch[3]")


def test_of_lines_each_is_a_text_of_its_own() -> None:
    broken = b'[\n{"a":"\n"\n' * 100
    json_limits.check_lines(broken + b'{"a":1e308}\n' + broken)
    with pytest.raises(TooLarge, match=re.escape("line 302: $.a: a number")):
        json_limits.check_lines(broken + b'\n{"a":1e309}\n' + broken)
    with pytest.raises(TooDeep, match=re.escape("line 301: $[0][0]")):
        json_limits.check_lines(broken + nested(65, "[]") + b"\n" + broken)


texts = st.text('[]{}"\\a,:1e9-', max_size=6)
values = st.recursive(
    st.none() | texts | st.sampled_from([1, -1.5, 1e300]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=40,
)


@given(values, st.integers(1, 12), st.integers(55, 70))
def test_in_whatever_pieces_a_text_comes_its_levels_are_counted_exactly(value: Any, size: int, around: int) -> None:
    text = b"[" * around + json.dumps(value).encode() + b"]" * around
    scan = Scan()

    def feed() -> None:
        for start in range(0, len(text), size):
            scan.feed(text[start : start + size])
        scan.end()

    if around + levels(value) > NESTED:
        with pytest.raises(TooDeep):
            feed()
        with pytest.raises(TooDeep):
            json_limits.check(text)
    else:
        feed()
        json_limits.check(text)
        assert scan.depth == 0


@given(values, st.sampled_from(LARGE), st.integers(1, 12))
def test_in_whatever_pieces_a_text_comes_its_large_numbers_are_found(value: Any, number: str, size: int) -> None:
    text = json.dumps([value, {"n": [0, None]}]).replace("null", "0").replace('"n": [0, 0]', f'"n": [0, {number}]')
    scan = Scan()

    def feed() -> None:
        for start in range(0, len(text), size):
            scan.feed(text.encode()[start : start + size])
        scan.end()

    with pytest.raises(TooLarge):
        feed()
    with pytest.raises(TooLarge, match=re.escape("$[1].n[1]: a number")):
        json_limits.check(text.encode())


@given(st.binary(max_size=60), st.sampled_from([b"", b"[" * 70, b'"' * 3, b"9" * 120, b",1e999,"]))
def test_whatever_is_no_json_is_taken_as_it_comes(some: bytes, more: bytes) -> None:
    for text in (some + more, more + some):
        with suppress(json_limits.LimitExceeded):  # nothing else comes of it
            json_limits.check(text)
            json_limits.check_lines(text)
            json_limits.check_names(text, "$")
