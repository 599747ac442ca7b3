from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.segment.conditions import Condition, Contains, Every, Is, Match, Not, Some, predicate, types
from mappings.segment.paths import Path
from mappings.segment.triggers import parse
from tests.support.segment import refusal

_TRACK = {"type": "track", "event": "Order Completed", "properties": {"plan": "pro", "count": 1, "gift": True}}


@pytest.mark.parametrize(
    ("text", "fires"),
    [
        ('type = "track"', True),
        ("type='track'", True),
        ('type = "Track"', False),
        ('type = "track" and event = "Order Completed"', True),
        ('type = "track" and event = "Order Refunded"', False),
        ('event = "x" or type = "track" and properties.plan = "pro"', True),
        ('(event = "x" or type = "track") and properties.plan = "free"', False),
        ('event = "x" or type = "track" and properties.plan = "free"', False),
        ('not event = "x" and not (type = "identify")', True),
        ('!(event = "Order Completed")', False),
        ('event != "x"', True),
        ("properties.count = 1", True),
        ("properties.count = 1.0", True),
        ("properties.count = -1", False),
        ("properties.gift = true", True),
        ("properties.gift = 1", False),
        ("properties.count = true", False),
        ("properties.coupon = null", True),
        ("properties.coupon != null", False),
        ("properties.plan.more = null", True),
        ('contains(event, "Comp")', True),
        ('contains(event, "comp")', False),
        ('contains(properties.count, "1")', False),
        ('match(event, "Order *")', True),
        ('match(event, "*Refunded")', False),
        ('match(properties.count, "*")', False),
        (r'event = "Order \"Completed\""', False),
    ],
)
def test_a_trigger_fires_for_the_messages_it_describes(text: str, fires: bool) -> None:
    assert parse(text).fires(_TRACK) is fires


def test_quotes_within_a_text_are_escaped() -> None:
    assert parse(r'event = "a \"b\" \\"').fires({"type": "track", "event": 'a "b" \\'})
    assert parse(r"event = 'it\'s'").fires({"type": "track", "event": "it's"})


@pytest.mark.parametrize("kind", ["page", "screen", "group", "alias"])
def test_other_types_reach_an_action_only_when_its_trigger_names_them(kind: str) -> None:
    message = {"type": kind, "userId": "u"}
    assert not parse("userId != null").fires(message)
    assert not parse('type != "track"').fires(message)
    assert parse(f'type = "{kind}" and userId != null').fires(message)
    assert parse(f'event = "x" or (type = "{kind}")').fires(message)


@pytest.mark.parametrize("message", [{}, {"type": None}, {"type": 1}, {"type": ["track"]}, {"type": {}}])
def test_a_message_without_a_type_fires_nothing(message: dict[str, Any]) -> None:
    assert not parse("event = null").fires(message)
    assert not parse("type = 1 or type = null").fires(message)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "character 1: expected a field such as event or traits.plan, not 'the end'"),
        ("event", "character 6: expected = or !=, not 'the end'"),
        ("event < 3", "not understood from character 7 on: '< 3'"),
        ('event = "abc', "not understood from character 9 on"),
        ("type = track", 'character 8: put the text in quotes: "track"'),
        ('type = "a" b', 'character 12: expected "and", "or" or the end, not \'b\''),
        ('(type = "a"', "character 12: expected a closing parenthesis, not 'the end'"),
        ('type = "a" and', "character 15: expected a field"),
        ("and = 3", "character 1: expected a field such as event, not 'and'"),
        ("event ( 3", "character 7: expected = or !=, not '('"),
        ("event =", "character 8: expected a text in quotes, a number, true, false or null, not 'the end'"),
        ('starts(event, "x")', "character 7: expected = or !=, not '('"),
        ("contains(event)", "character 15: expected a comma, not ')'"),
        ("contains(event, 3)", "character 17: expected a text in quotes, not '3'"),
        ("(" * 40 + "event = 1", "character 32: nested more than 30 deep"),
        ("!" * 40 + "event = 1", "character 32: nested more than 30 deep"),
        ("event = 1x", "not understood from character 9 on"),
        ("$.event = 1", "not understood from character 1 on"),
        ('type = ""', 'character 8: no message has an empty type; name one, such as "track"'),
        ("event = 1 and not type != ''", "character 27: no message has an empty type"),
    ],
)
def test_what_is_not_understood_is_named_with_its_position(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        parse(text)


_WORDS = ["type", "event", "traits.plan", "properties.gift", "context.app.name", "properties.items[0].id"]
_FIELDS = st.sampled_from(_WORDS)
_TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
_VALUES = st.one_of(_TEXTS, st.integers(-99, 99), st.sampled_from([1.5, -0.25]), st.booleans(), st.none())


def _path(word: str) -> Path:
    steps = re.findall(r"[^.\[\]]+", word)
    return Path(tuple(int(step) if step.isdigit() else step for step in steps))


_PATHS = _FIELDS.map(_path)
_CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    st.one_of(
        st.builds(Is, _PATHS, _VALUES).filter(lambda each: each != Is(Path(("type",)), "")),
        st.builds(Contains, _PATHS, _TEXTS),
        st.builds(Match, _PATHS, _TEXTS),
    ),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(lambda parts: Every(tuple(parts)), st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda parts: Some(tuple(parts)), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=6,
)


def _written(condition: Condition) -> str:
    match condition:
        case Is(path, value):
            return f"{_word(path)} = {_literal(value)}"
        case Contains(path, text):
            return f"contains({_word(path)}, {_literal(text)})"
        case Match(path, pattern):
            return f"match({_word(path)}, {_literal(pattern)})"
        case Not(inner):
            return f"not ({_written(inner)})"
        case Every(parts):
            return " and ".join(f"({_written(part)})" for part in parts)
        case Some(parts):
            return " or ".join(f"({_written(part)})" for part in parts)


def _word(path: Path) -> str:
    return next(word for word in _WORDS if _path(word) == path)


def _literal(value: str | float | bool | None) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return json.dumps(value)


@given(_CONDITIONS)
def test_every_condition_is_read_as_it_was_written(condition: Condition) -> None:
    assert parse(_written(condition)).condition == condition


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-99, 99), _TEXTS),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=4,
)
_NAMES = st.sampled_from(["type", "event", "traits", "plan"])


def _expected(condition: Condition, message: dict[str, Any]) -> bool:
    match condition:
        case Is(path, value):
            found = path.find(message)
            return found == value and isinstance(found, bool) == isinstance(value, bool)
        case Contains(path, text):
            found = path.find(message)
            return isinstance(found, str) and text in found
        case Match(path, pattern):
            found = path.find(message)
            return isinstance(found, str) and fnmatchcase(found, pattern)
        case Not(inner):
            return not _expected(inner, message)
        case Every(parts):
            return all(_expected(part, message) for part in parts)
        case Some(parts):
            return any(_expected(part, message) for part in parts)


@given(_CONDITIONS, st.dictionaries(_NAMES, st.one_of(_JSON, st.dictionaries(_NAMES, _JSON))))
def test_a_condition_holds_as_it_reads(condition: Condition, message: dict[str, Any]) -> None:
    assert predicate(condition)(message) is _expected(condition, message)
    assert predicate(Not(condition))(message) is not _expected(condition, message)


@given(_CONDITIONS, st.sampled_from(["track", "identify", "page", "Track"]), st.dictionaries(_NAMES, _JSON))
def test_a_trigger_that_knows_the_type_fires_as_its_whole_condition_says(
    condition: Condition, kind: str, message: dict[str, Any]
) -> None:
    trigger = parse(_written(condition))
    message = message | {"type": kind}
    known = {"track", "identify", *types(condition)}
    assert trigger.fires(message) is (kind in known and _expected(condition, message))


@given(st.one_of(st.text(), st.text(alphabet="atype=!()\"' ,.and or not 12")))
def test_any_text_is_a_trigger_or_refused_with_a_position(text: str) -> None:
    said = refusal(parse, text)
    assert said is None or re.search(r"character \d+", said)
