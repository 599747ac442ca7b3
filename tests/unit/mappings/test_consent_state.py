"""Consent: the mapping of purposes to channels, and what a person has decided about them."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import consent_state
from mappings.account_settings import parse_consents
from mappings.consent_state import Decision, State

ROWS = [
    {"jsmap": None, "map": "Newsletter", "maptype": "ConsentPurposes", "value": "email"},
    {"map": "sms offers", "maptype": "ConsentPurposes", "value": "SMS"},
]
NOW = 100
EXPECTED = {"newsletter": "email", "sms offers": "sms"}

decisions = st.builds(Decision, st.booleans(), st.integers(0, 9))
states = st.dictionaries(st.sampled_from("abc"), decisions, max_size=3)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        html.escape(json.dumps(ROWS)),
        '{"Newsletter": "email", " SMS Offers ": " sms "}',
        json.dumps([*ROWS, ROWS[0]]),
    ],
)
def test_a_consent_mapping_is_read_in_every_form_and_its_purposes_in_any_case(text: str) -> None:
    assert parse_consents(text) == EXPECTED


@pytest.mark.parametrize("text", [None, "", "  ", "{}", "[]", "null"])
def test_nothing_is_the_empty_mapping(text: str | None) -> None:
    assert parse_consents(text) == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("newsletter=email", "consent mapping: it is not JSON"),
        ('"email"', "consent mapping: it must be a JSON object"),
        ('{"newsletter": "fax"}', "entry 1: the channel is not one of email, sms"),
        ('{"newsletter": null}', "entry 1: the channel is not one of email, sms"),
        ('{" ": "email"}', "entry 1: it names no purpose"),
        ('[{"map": "a", "value": "email"}, {"map": "A", "value": "sms"}]', "entry 2: the purpose is already mapped to"),
        (
            '[{"map": "a", "maptype": "UserAttributeClass.Name", "value": "email"}]',
            "entry 1: the maptype is not ConsentPurposes",
        ),
    ],
)
def test_a_wrong_mapping_is_refused_naming_the_entry(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refused:
        parse_consents(text)
    assert "fax" not in str(refused.value)


def record(consented: Any, at: Any = 5) -> dict[str, Any]:
    return {"consented": consented, "timestamp_unixtime_ms": at, "document": "d", "hardware_id": "h"}


@pytest.mark.parametrize(("gdpr", "ccpa"), [("gdpr_consent_state", "ccpa_consent_state"), ("gdpr", "ccpa")])
def test_both_spellings_are_read_and_the_opt_out_of_sale_is_turned_round(gdpr: str, ccpa: str) -> None:
    state = {gdpr: {"Newsletter": record(consented=True)}, ccpa: {"data_sale_opt_out": record(consented=True)}}
    expected = {"newsletter": Decision(agrees=True, at=5), "data_sale_opt_out": Decision(agrees=False, at=9)}
    assert consent_state.read(state, 9, NOW) == expected


@pytest.mark.parametrize("at", [None, "5", -1, 10**13, True, 5.5])
def test_a_time_that_is_none_is_that_of_the_message(at: Any) -> None:
    assert consent_state.read({"gdpr": {"a": record(consented=True, at=at)}}, 9, NOW) == {
        "a": Decision(agrees=True, at=9)
    }


@pytest.mark.parametrize(("dated", "told", "expected"), [(99, 9, 99), (101, 9, 100), (None, 101, 100)])
def test_nobody_decides_later_than_it_is_told(dated: int | None, told: int, expected: int) -> None:
    found = consent_state.read({"gdpr": {"a": record(consented=True, at=dated)}}, told, NOW)
    assert found == {"a": Decision(agrees=True, at=expected)}


@pytest.mark.parametrize("dated", [0, 5, 1_767_225_600, 1_420_070_399_999])
def test_a_refusal_of_long_ago_counts_from_its_message_and_an_agreement_keeps_its_date(dated: int) -> None:
    now = 1_800_000_000_000
    told = now - 1_000
    for agrees, at in ((False, told), (True, dated)):
        found = consent_state.read({"gdpr": {"a": record(consented=agrees, at=dated)}}, told, now)
        assert found == {"a": Decision(agrees, at)}
    opted_out = {"ccpa": {"data_sale_opt_out": record(consented=True, at=dated)}}
    assert consent_state.read(opted_out, told, now)["data_sale_opt_out"] == Decision(agrees=False, at=told)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.integers(),
        lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3),
        max_leaves=6,
    )
)
def test_what_cannot_be_read_is_no_consent(anything: Any) -> None:
    for state in (anything, {"gdpr": anything}, {"ccpa": {"a": anything}}, {"gdpr": {"a": {"consented": anything}}}):
        for decision in consent_state.read(state, 9, NOW).values():
            assert isinstance(decision, Decision)
            assert anything in (True, False), "only true and false are decisions"


@given(st.lists(states, max_size=4))
def test_of_each_purpose_the_newest_decision_is_left(known: list[State]) -> None:
    merged = consent_state.merge(known)
    for purpose in "abc":
        told = [state[purpose] for state in known if purpose in state]
        newest = max((decision.at for decision in told), default=None)
        assert merged.get(purpose) == ([d for d in told if d.at == newest][-1] if told else None)


@given(states, st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["email", "sms"]), max_size=4))
def test_a_channel_is_agreed_to_when_all_of_its_known_purposes_are(state: State, mapping: dict[str, Any]) -> None:
    found = consent_state.by_channel(state, mapping)
    for channel in ("email", "sms"):
        known = [state[purpose] for purpose, to in mapping.items() if to == channel and purpose in state]
        assert (channel in found) == bool(known)
        if known:
            assert found[channel].agrees == all(decision.agrees for decision in known)
            assert found[channel] in known
