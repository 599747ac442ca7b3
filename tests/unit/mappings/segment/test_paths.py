from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.segment.lookups import resolve
from mappings.segment.paths import MISSING, First, If, Path, Value, first_of, parse, parse_path, paths
from tests.support.segment import followed, refusal

_MESSAGE = {
    "traits": {
        "email": "ann@example.com",
        "favourite colour": "red",
        "blank": " ",
        "null": None,
        "zero": 0,
        "no": False,
    },
    "products": [{"id": 1}, {"id": 2}],
}


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("$.traits.email", "ann@example.com"),
        ("$.products[1].id", 2),
        ("$.traits['favourite colour']", "red"),
        ('$["traits"].email', "ann@example.com"),
        ("$", _MESSAGE),
        ("$.traits.nothing.at.all", None),
        ("$.products[2].id", None),
        ("$.products.id", None),
        ("$.traits[0]", None),
        ("$.traits.email.more", None),
        ("plain text", "plain text"),
        ("5 $ a month", "5 $ a month"),
        (10, 10),
        (1.5, 1.5),
        (False, False),
        (
            {"a": "$.traits.email", "b": {"c": "$.products[0].id", "d": 3}},
            {"a": "ann@example.com", "b": {"c": 1, "d": 3}},
        ),
        ({"zero": "$.traits.zero", "no": "$.traits.no", "gone": "$.traits.null"}, {"zero": 0, "no": False}),
        (["$.products[0].id", "x"], [1, "x"]),
    ],
)
def test_a_mapping_finds_what_it_names(raw: Any, found: Any) -> None:
    assert resolve(parse(raw), _MESSAGE) == found


@pytest.mark.parametrize(
    ("exists", "found"),
    [("email", "then"), ("zero", "then"), ("no", "then"), ("blank", "else"), ("null", "else"), ("nothing", "else")],
)
def test_a_choice_takes_then_where_something_is_and_else_where_nothing_or_blank_is(exists: str, found: str) -> None:
    raw = {"@if": {"exists": f"$.traits.{exists}", "then": "then", "else": "else"}}
    assert resolve(parse(raw), _MESSAGE) == found


def test_a_choice_may_have_no_else_and_hold_choices() -> None:
    inner = {"@if": {"exists": "$.traits.email", "then": "$.products[0].id"}}
    raw = {"@if": {"exists": "$.nothing", "then": "x", "else": inner}}
    assert resolve(parse(raw), _MESSAGE) == 1
    assert resolve(parse({"@if": {"exists": "$.nothing", "then": "x"}}), _MESSAGE) is None


def _first(*places: str) -> Any:
    """A choice that takes the first of these places of the traits, as JSON."""
    place, *rest = (f"$.traits.{name}" for name in places)
    otherwise = {"else": _first(*places[1:])} if rest else {}
    return {"@if": {"exists": place, "then": place, **otherwise}}


def test_a_choice_among_places_is_the_first_that_has_a_value() -> None:
    parsed = parse(_first("nothing", "blank", "zero", "email"))
    assert parsed == First(tuple(Path(("traits", name)) for name in ("nothing", "blank", "zero", "email")))
    assert resolve(parsed, _MESSAGE) == 0
    assert parse({"@if": {"exists": "$.a", "then": "$.a", "else": "$.b"}}) == First((Path(("a",)), Path(("b",))))


@pytest.mark.parametrize(
    "raw",
    [
        {"@if": {"exists": "$.a", "then": "$.b"}},
        {"@if": {"exists": "$.a", "then": "$.a", "else": "text"}},
        {"@if": {"exists": "$.a", "then": "$.a", "else": {"@if": {"exists": "$.b", "then": "$.c"}}}},
    ],
)
def test_any_other_choice_stays_one(raw: Any) -> None:
    assert isinstance(parse(raw), If)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("$.traits.null", {"a": None}),
        ("$.traits.nothing", {}),
        ("$.traits.null.below", {}),
        ("$.traits.blank", {}),
        (_first("nothing", "null"), {"a": None}),
        (_first("null", "blank"), {"a": None}),
        (_first("null", "zero"), {"a": 0}),
        (_first("nothing", "blank"), {}),
        ({"b": "$.traits.null"}, {"a": {"b": None}}),
        ({"@if": {"exists": "$.traits.zero", "then": "$.traits.null"}}, {"a": None}),
        ({"@if": {"exists": "$.traits.null", "then": "x"}}, {}),
    ],
)
def test_a_null_in_a_table_stays_where_it_is_asked_for(raw: Any, found: dict[str, Any]) -> None:
    assert resolve(parse({"a": raw}), _MESSAGE, nulls=True) == found
    without = {} if found.get("a") is None else {"a": {}} if isinstance(found["a"], dict) else found
    assert resolve(parse({"a": raw}), _MESSAGE) == without


def test_a_place_that_is_null_is_not_a_missing_one() -> None:
    assert Path(("traits", "null")).read(_MESSAGE) is None
    assert Path(("traits", "nothing")).read(_MESSAGE) is MISSING
    assert Path(("traits", "null", "below")).read(_MESSAGE) is MISSING
    assert Path(("products", 2)).read(_MESSAGE) is MISSING


@pytest.mark.parametrize(
    ("text", "character"),
    [
        ("$traits.email", 2),
        ("$.traits..email", 9),
        ("$.", 2),
        ("$.a b", 4),
        ("$.a[x]", 4),
        ("$.a[-1]", 4),
        ("$.a['b]", 4),
    ],
)
def test_what_is_no_path_is_named_with_its_position(text: str, character: int) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(repr(text))}: not a path from character {character} on"):
        parse(text)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"@if": {"exists": "$.a"}}, '@if: it must be the only key of its table, with "exists", "then"'),
        ({"@if": {"exists": "$.a", "then": 1, "other": 2}}, "@if: it must be the only key of its table"),
        ({"@if": {"exists": "$.a", "then": 1}, "more": 2}, "@if: it must be the only key of its table"),
        ({"@if": "x"}, "@if: it must be the only key of its table"),
        ({"@if": {"exists": "a", "then": 1}}, '@if: "exists" must be a path'),
        ({"@if": {"exists": 1, "then": 1}}, '@if: "exists" must be a path'),
        (None, "NoneType is not a valid value"),
        (float("nan"), "float is not a valid value"),
    ],
)
def test_what_is_no_mapping_is_refused_with_the_remedy(raw: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        parse(raw)


def test_the_paths_of_a_mapping_are_those_that_values_come_from() -> None:
    choice = If(Path(("asked",)), Path(("then",)), [Path(("else",)), "text"])
    assert paths({"a": choice, "b": Path(("b",)), "c": 1}) == [Path(("then",)), Path(("else",)), Path(("b",))]
    assert paths(First((Path(("a",)), Path(("b",))))) == [Path(("a",)), Path(("b",))]


def test_the_first_entry_that_says_anything_is_taken() -> None:
    assert first_of({"a": "", "b": None, "c": 0, "d": 1}, ("a", "b", "x", "c", "d")) == 0
    assert first_of({}, ("a",)) is None


_NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters=".[]'\""), min_size=1
)
_STEPS = st.lists(st.one_of(_NAMES, st.integers(0, 999_999)), max_size=5)


@given(_STEPS)
def test_every_path_is_read_as_it_was_written(steps: list[str | int]) -> None:
    text = "$" + "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in steps)
    assert parse_path(text) == Path(tuple(steps))


@given(_STEPS)
def test_quoted_names_are_the_same_path(steps: list[str | int]) -> None:
    text = "$" + "".join(f"['{step}']" if isinstance(step, str) else f"[{step}]" for step in steps)
    assert parse_path(text) == Path(tuple(steps))


@given(st.lists(st.one_of(_NAMES, st.integers(0, 3)), max_size=5), st.integers())
def test_a_value_is_found_at_the_path_it_was_put_at(steps: list[str | int], value: int) -> None:
    message: Any = value
    for step in reversed(steps):
        message = {step: message} if isinstance(step, str) else [None] * step + [message]
    assert Path(tuple(steps)).find(message) == value


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=10,
)


@given(st.lists(st.one_of(st.sampled_from("abc"), st.integers(0, 3)), max_size=5), _JSON)
def test_looking_for_a_path_never_fails(steps: list[str | int], message: Any) -> None:
    Path(tuple(steps)).find(message)


@given(st.one_of(st.text(), st.text(alphabet="$.[]'\"a1 ").map("${}".format)))
def test_any_text_is_a_mapping_or_refused_with_a_position(text: str) -> None:
    said = refusal(parse, text)
    assert said is None or (text.startswith("$") and re.search(r"from character \d+ on", said))


_PATHS = st.lists(st.one_of(st.sampled_from("abc"), st.integers(0, 2)), max_size=4).map(
    lambda steps: Path(tuple(steps))
)
_MAPPINGS: st.SearchStrategy[Value] = st.recursive(
    st.one_of(
        _PATHS, st.sampled_from(["x", " ", 1, True, None]), st.lists(_PATHS).map(lambda all_: First(tuple(all_)))
    ),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
        st.lists(inner, max_size=2),
        st.builds(If, _PATHS, inner, inner),
    ),
    max_leaves=8,
)


@given(_MAPPINGS, st.dictionaries(st.sampled_from("abc"), _JSON), st.booleans())
def test_a_mapping_finds_what_following_it_step_by_step_finds(mapping: Value, message: Any, nulls: bool) -> None:
    expected = followed(mapping, message, nulls=nulls)
    assert resolve(mapping, message, nulls=nulls) == (None if expected is MISSING else expected)
