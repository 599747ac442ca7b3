from __future__ import annotations

from typing import Any

import pytest

from mappings.errors import Reason, Unfit
from mappings.values import MAX_DEPTH, clean, flatten, is_clean


def _nested(depth: int) -> Any:
    value: Any = "leaf"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        "text",
        "",
        True,
        0,
        -(2**63),
        2**63 - 1,
        1.5,
        None,
        ["a", 1, None],
        {"a": {"b": [1]}},
        "x" * 100_000,
        ["x"] * 4_000,
        _nested(10),
    ],
)
def test_plain_json_within_the_limits_stays_as_it_is(value: object) -> None:
    assert clean(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "x" * 100_001,
        "€" * 33_334,
        ["x"] * 4_001,
        {"a": ["x"] * 4_001},
        ["x" * 100_001],
        {"x" * 100_001: 1},
        _nested(11),
    ],
)
def test_what_exceeds_klaviyos_limits_is_too_large(value: object) -> None:
    with pytest.raises(Unfit) as caught:
        clean(value)
    assert caught.value.reason is Reason.ATTRIBUTE_TOO_LARGE


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), [float("-inf")], 2**63, -(2**63) - 1, b"bytes", {1: "a"}, {"a": {1, 2}}, object()],
)
def test_what_json_cannot_carry_is_unsupported(value: object) -> None:
    with pytest.raises(Unfit) as caught:
        clean(value)
    assert caught.value.reason is Reason.ATTRIBUTE_UNSUPPORTED


def test_nul_and_lone_surrogates_are_removed_wherever_they_are() -> None:
    assert clean({"a\x00b": ["c\ud800d", "\udfff"]}) == {"ab": ["cd", ""]}


def test_characters_beyond_the_basic_plane_are_no_lone_surrogates() -> None:
    assert clean("😀") == "😀"
    assert is_clean("😀")


def test_a_list_that_holds_itself_is_too_large_and_not_endless() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(Unfit) as caught:
        clean(endless)
    assert caught.value.reason is Reason.ATTRIBUTE_TOO_LARGE


@pytest.mark.parametrize(
    ("nested", "flat"),
    [
        ({}, {}),
        ({"a": 1, "b": [{"c": 1}], "d": {}}, {"a": 1, "b": [{"c": 1}], "d": {}}),
        ({"a": {"b": {"c": None}, "d": ""}}, {"a.b.c": None, "a.d": ""}),
        ({"a.b": 1, "a": {"c": 2}}, {"a.b": 1, "a.c": 2}),
    ],
)
def test_nested_objects_become_dotted_names(nested: dict[str, Any], flat: dict[str, Any]) -> None:
    assert flatten(nested) == flat


def test_objects_deeper_than_klaviyo_takes_stay_nested() -> None:
    value: Any = "leaf"
    for _ in range(5_000):
        value = {"a": value}
    (name,) = flatten({"a": value})
    assert name == ".".join("a" * (MAX_DEPTH + 1))
