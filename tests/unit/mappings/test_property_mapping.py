from __future__ import annotations

import html
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.account_settings import parse_properties
from mappings.fields import PROPERTY_TARGETS, RESERVED


@pytest.mark.parametrize("text", [None, "", "  \n", "null", "{}", "[]"])
def test_nothing_is_the_empty_mapping(text: str | None) -> None:
    assert parse_properties(text) == {}


@pytest.mark.parametrize("target", PROPERTY_TARGETS)
def test_every_target_may_be_named_with_or_without_dollar(target: str) -> None:
    assert parse_properties(json.dumps({"a": target, "b": f"${target}", "c": target.upper()})) == dict.fromkeys(
        "abc", target
    )


def test_attribute_names_lose_one_dollar_and_their_case() -> None:
    assert parse_properties('{"$Company": "organization", "Job Title": "title", "$$x": "image"}') == {
        "company": "organization",
        "job title": "title",
        "$x": "image",
    }


@pytest.mark.parametrize(
    "text",
    [
        '[{"jsmap":null,"map":"Company","maptype":"UserAttributeClass.Name","value":"organization"}]',
        '[{"value":"$organization","maptype":"UserAttributeClass.Name","map":"$Company"}]',
        '[{"map":"company","value":"organization"}]',
        '[{"map":"company","maptype":null,"value":"organization","jsmap":"1234"}]',
        "[{&quot;jsmap&quot;:null,&quot;map&quot;:&quot;Company&quot;,&quot;value&quot;:&quot;organization&quot;}]",
        "{&quot;company&quot;:&quot;organization&quot;}",
        "{&#34;company&#34;:&#34;organization&#34;}",
    ],
)
def test_mparticles_own_mapping_is_read_plain_or_escaped(text: str) -> None:
    assert parse_properties(text) == {"company": "organization"}


def test_a_name_with_an_ampersand_is_only_unescaped_when_the_whole_text_was_escaped() -> None:
    assert parse_properties('{"a &amp; b": "title"}') == {"a &amp; b": "title"}
    assert parse_properties(html.escape('{"a & b": "title"}')) == {"a & b": "title"}


def test_the_same_entry_twice_is_one() -> None:
    assert parse_properties('[{"map":"a","value":"title"},{"map":"$A","value":"$title"}]') == {"a": "title"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("company=organization", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('"company"', "JSON object or mParticle's list"),
        ("7", "JSON object or mParticle's list"),
        ('{"company": "employer"}', "entry 1: the target is not one of address2, image"),
        ('{"a": "title", "company": null}', "entry 2: the target is not one of"),
        ('{"company": "first_name"}', "entry 1: the target is not one of"),
        ('{"": "title"}', "entry 1: it names no attribute"),
        ('{"$": "title"}', "entry 1: it names no attribute"),
        ('{"$City": "title"}', "entry 1: the attribute is reserved and always becomes 'city'"),
        (
            '[{"map":"a","value":"title"},{"map":"a","value":"image"}]',
            "entry 2: the attribute is already mapped to 'title'",
        ),
        ('[{"map":"a"}]', 'entry 1: it must be an object with "map" and "value"'),
        ('[{"map":"a","value":"title"},["a","title"]]', "entry 2: it must be an object"),
        ('[{"map":5,"value":"title"}]', "entry 1: it names no attribute"),
        (
            '[{"map":"a","value":"title","maptype":"ConsentPurposes"}]',
            "entry 1: the maptype is not UserAttributeClass.Name",
        ),
    ],
)
def test_a_wrong_mapping_is_refused_naming_the_entry(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_properties(text)


_SECRET = "pk_canary0123456789"


@pytest.mark.parametrize(
    "text",
    [
        _SECRET,
        f'"{_SECRET}"',
        f'{{"{_SECRET}": "employer"}}',
        f'{{"company": "{_SECRET}"}}',
        f'{{"{_SECRET}": "title", "${_SECRET}": "image"}}',
        f'{{"{_SECRET}": "title", "a": {{"{_SECRET}": 1}}}}',
        f'[{{"map":"{_SECRET}","value":"{_SECRET}"}}]',
        f'[{{"map":"a","value":"title","maptype":"{_SECRET}"}}]',
        f'[{{"map":"a","{_SECRET}":"title"}}]',
        f'["{_SECRET}"]',
    ],
)
def test_a_secret_that_was_pasted_into_a_mapping_is_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="property mapping") as refusal:
        parse_properties(text)
    assert "canary" not in str(refusal.value)


_ATTRIBUTES = st.text(min_size=1).filter(lambda name: name != "$" and name.lower() not in RESERVED)


def _outcome(text: str) -> dict[str, str] | str:
    try:
        return parse_properties(text)
    except ValueError as error:
        return str(error)


@given(st.dictionaries(_ATTRIBUTES, st.sampled_from(PROPERTY_TARGETS), max_size=5))
def test_both_forms_say_the_same(mapping: dict[str, str]) -> None:
    entries = [
        {"jsmap": None, "map": attribute, "maptype": "UserAttributeClass.Name", "value": target}
        for attribute, target in mapping.items()
    ]
    parsed = _outcome(json.dumps(mapping))
    listed, escaped = _outcome(json.dumps(entries)), _outcome(html.escape(json.dumps(entries)))
    if isinstance(parsed, str):  # two names that differ in case or a dollar only
        assert all("already mapped" in str(outcome) for outcome in (parsed, listed, escaped))
    else:
        assert parsed == listed == escaped
        assert set(parsed.values()) == set(mapping.values())


@given(st.text())
def test_text_is_read_or_refused_as_a_property_mapping(text: str) -> None:
    outcome = _outcome(text)
    assert isinstance(outcome, dict) or outcome.startswith("property mapping")
