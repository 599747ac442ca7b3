from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from snapshots.digests import changed, digests, merged

_NAMES = st.sampled_from(["city", "plan", "Plan", "ltv", "tags", "ö"])
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from([1.5, 1.0]),
    st.text(max_size=3),
    st.lists(st.integers(0, 2), max_size=2),
    st.dictionaries(st.sampled_from("ab"), st.integers(0, 2), max_size=2),
)
_ATTRIBUTES = st.dictionaries(_NAMES, _VALUES)


def _fragment(attributes: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"email": "ann@example.com", "attributes": attributes})


def _same(one: object, other: object) -> bool:
    """As JSON, where 1, 1.0 and true are three values."""
    encode = msgspec.json.Encoder(order="deterministic").encode
    return encode(one) == encode(other)


@given(_ATTRIBUTES, _ATTRIBUTES)
def test_what_is_sent_is_exactly_what_differs(before: dict[str, Any], now: dict[str, Any]) -> None:
    unknown = {name: None if name == "city" else "never said" for name in now}
    different = {name: value for name, value in now.items() if not _same(value, (unknown | before)[name])}
    sent = changed(_fragment(now), digests(_fragment(before)))
    assert sent == (_fragment(different) if different else None)


@given(_ATTRIBUTES, _ATTRIBUTES)
def test_what_was_changed_written_over_what_was_known_is_all_that_is_known(
    before: dict[str, Any], now: dict[str, Any]
) -> None:
    known = digests(_fragment(before))
    sent = changed(_fragment(now), known)
    assert (merged(known, sent) if sent else known) == digests(_fragment(before | now))
    assert changed(_fragment(now), merged(known, _fragment(now))) is None


@given(_ATTRIBUTES)
def test_eight_bytes_are_kept_of_each_value_whatever_the_order_of_the_attributes(attributes: dict[str, Any]) -> None:
    known = digests(_fragment(attributes))
    assert len(known) == 8 * sum(value is not None or name != "city" for name, value in attributes.items())
    assert known == digests(_fragment(dict(reversed(attributes.items()))))


def test_an_empty_property_is_cleared_once_and_an_empty_standard_field_only_where_a_value_was_delivered() -> None:
    empty = _fragment({"city": None, "plan": None})
    assert changed(empty, b"") == _fragment({"plan": None})
    assert changed(empty, digests(empty)) is None
    assert changed(empty, digests(_fragment({"city": "Oslo", "plan": "gold"}))) == empty


def test_a_member_without_attributes_has_no_digests_and_nothing_to_send() -> None:
    bare = b'{"email":"ann@example.com"}'
    assert digests(bare) == b""
    assert changed(bare, digests(_fragment({"city": "Oslo"}))) is None


@given(st.dictionaries(st.sampled_from(["phone", "external_id"]), st.sampled_from(["1", "2"])), _ATTRIBUTES)
def test_a_phone_or_id_beside_the_address_is_sent_again_when_it_is_another(
    beside: dict[str, str], attributes: dict[str, Any]
) -> None:
    def fragment(**identifiers: str) -> bytes:
        return msgspec.json.encode({"email": "ann@example.com", **identifiers, "attributes": attributes})

    known = digests(fragment(phone="1", external_id="1"))
    sent = changed(fragment(**beside), known)
    assert sent == (msgspec.json.encode({"email": "ann@example.com", **beside}) if "2" in beside.values() else None)
    assert changed(fragment(**beside), merged(known, fragment(**beside))) is None


def test_the_identifier_by_which_a_person_is_known_is_no_news() -> None:
    for name in ("email", "phone", "external_id"):
        assert digests(msgspec.json.encode({name: "1"})) == b""


def test_digests_never_change_from_one_version_to_the_next() -> None:
    assert digests(_fragment({"city": "Oslo", "ltv": 12.5})).hex() == "2d5b02347342ea944cb983ad8f7028ba"
