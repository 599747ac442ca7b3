"""Reading a snapshot takes short ways for usual rows. Each test compares one with the long way.

Something that has no effect of its own sends a row the long way.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from identity.blocked import DEFAULT, Blocked
from identity.sending import Policy
from mappings import contact, json_limits
from mappings.fields import RESERVED, STANDARD
from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE
from mappings.person import Attribute, Identity, Person
from mappings.profile import to_profile
from mappings.rules import Rules
from queues.snapshots.records import SnapshotOrder
from snapshots.customers import Described
from snapshots.json_rows import objects
from snapshots.persons import PersonReader
from snapshots.plan import PlannedChange
from snapshots.report import ReadReport
from snapshots.rows import Selection, SnapshotRow, Unreadable, Unusable
from worker.snapshots.plan import fault

US = Rules(default_country="US")
_NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False), st.sampled_from([-(2**63), 2**63 - 1, 2**63, 17.0]))
_OTHERS: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.just([]), st.lists(st.text(max_size=3), max_size=2)
)
_KNOWN = st.fixed_dictionaries(
    {},
    optional={
        EMAIL: st.one_of(
            st.sampled_from(["ann@example.com", " Ann@Example.COM\t", "ann@m\u00fcller.de", "ann@", "null", "0@0.com"]),
            st.sampled_from(["team@example.com", "", " ", ["ann@example.com", "a@work.com"], ["ann@example.com"]]),
            st.text(),
            _NUMBERS,
            _OTHERS,
        ),
        PHONE: st.one_of(
            st.sampled_from(["+14155552671", "415-555-2671", " (415) 555-2671 ", "030 901820", 14155552671, "+1 415"]),
            st.sampled_from(["+15555550100", "+15555555555", "0", "n/a", "-", "", " ", "\uff10", "1" * 10]),
            st.text(alphabet="+0123456789- ()", max_size=14),
            st.text(),
            _NUMBERS,
            _OTHERS,
        ),
        EXTERNAL_ID: st.one_of(
            st.sampled_from(["c-1", " c-1 ", 17, 0, "x" * 255, "x" * 256, "a\0b", "null", "Shop-Till", "", " "]),
            st.text(),
            _NUMBERS,
            _OTHERS,
        ),
    },
)
_NAMES = st.one_of(st.text(max_size=3), st.sampled_from(sorted([*RESERVED, *STANDARD, "plan", "$", "x" * 300])))
_VALUES = st.one_of(
    st.text(max_size=5),
    st.sampled_from(["US", "DE", "nowhere", "47.6", "en_US", "Europe/Berlin", "::1", "x" * 24_999, "\u20ac" * 34_000]),
    _NUMBERS,
    _OTHERS,
    st.just({"a": {"b": [1]}}),
)
_ATTRIBUTES = st.dictionaries(_NAMES, _VALUES, max_size=4)
_SELECTIONS = st.sampled_from([Selection(full=True), Selection(), Selection(attributes=frozenset({"city", "plan"}))])
_BLOCKED = st.sampled_from([DEFAULT, Blocked(("shop-till", "team@example.com"), ("c-.*", r"\+1415.*"))])
#: Any setting of values that mean nothing sends all rows the long way.
_LONG_WAY = frozenset({"a value that no row has"})


@given(_KNOWN, _ATTRIBUTES, _SELECTIONS, _BLOCKED, st.sampled_from([US, Rules()]))
def test_a_person_is_read_the_same_beside_a_value_that_means_nothing(
    known: dict[str, Any], attributes: dict[str, Any], selection: Selection, blocked: Blocked, rules: Rules
) -> None:
    def people(nulls: frozenset[str]) -> tuple[list[SnapshotRow | Unusable], ReadReport]:
        report = ReadReport()
        reader = PersonReader(selection, rules, blocked, report, nulls)
        return [*reader.people(Described(7, known, attributes))], report

    # As read from JSON, where whole fractions stay what they are: the setting makes whole numbers of them.
    attributes = {name: 0.5 if isinstance(value, float) else value for name, value in attributes.items()}
    assert people(frozenset()) == people(_LONG_WAY)


@given(_KNOWN, st.sampled_from([None, "US", "DE", "nowhere"]), _BLOCKED)
def test_usual_identifiers_are_those_that_are_read_one_by_one(
    known: dict[str, Any], country: str | None, blocked: Blocked
) -> None:
    usual = contact.usual(known, country, US, blocked.holds)
    if usual is not None:
        fields = known | {"country_code": country}
        assert usual == contact.read(fields, (EMAIL, EXTERNAL_ID, PHONE), US, blocked.holds)


@pytest.mark.parametrize("phone", ["+14155552671", "+15555550100", "12", "", None, 14155552671])
@pytest.mark.parametrize("email", ["Ann@example.com", "", None])
def test_people_of_most_files_are_read_the_short_way(phone: object, email: object) -> None:
    known = {EMAIL: email, PHONE: phone, EXTERNAL_ID: "c-1"}
    assert contact.usual(known, None, US, DEFAULT.holds) is not None


@given(_NAMES, _VALUES, st.sampled_from([US, Rules(properties={"plan": "timezone"})]))
def test_an_attribute_is_left_out_if_the_mapping_would_leave_it_out(name: str, value: Any, rules: Rules) -> None:
    assume(value)  # what is empty says nothing about a field
    reader = PersonReader(Selection(full=True), rules, DEFAULT, ReadReport())
    (row,) = reader.people(Described(1, {EMAIL: "ann@example.com"}, {name: value}))
    assert isinstance(row, SnapshotRow)
    person = Person((Identity("email", "ann@example.com"),), (Attribute(name, value),), klaviyo_names=True)
    taken = not to_profile(person, rules).warnings
    assert (name in msgspec.json.decode(row.fragment).get("attributes", {})) == taken


@given(_KNOWN, _ATTRIBUTES, _SELECTIONS, _BLOCKED, st.sampled_from([US, Rules(), Rules(coerce=True)]))
def test_a_row_that_is_read_can_be_sent_unless_it_is_large(
    known: dict[str, Any], attributes: dict[str, Any], selection: Selection, blocked: Blocked, rules: Rules
) -> None:
    order, policy = SnapshotOrder("s", 5, "ndjson"), Policy(blocked=blocked)
    for row in PersonReader(selection, rules, blocked, ReadReport()).people(Described(7, known, attributes)):
        if isinstance(row, SnapshotRow):
            change = PlannedChange("add", row.identity, row.keys, row.fragment)
            mapped = fault(change, order, rules, policy, as_read=False)
            assert mapped == fault(change, order, rules, policy, as_read=True)


def test_a_large_row_is_mapped_to_see_whether_it_can_be_sent() -> None:
    attributes = {f"note_{number}": "x" * 30_000 for number in range(4)}
    (row,) = PersonReader(Selection(full=True), US, DEFAULT, ReadReport()).people(
        Described(1, {EMAIL: "ann@example.com"}, attributes)
    )
    assert isinstance(row, SnapshotRow)
    change = PlannedChange("add", row.identity, row.keys, row.fragment)
    assert fault(change, SnapshotOrder("s", 5, "ndjson"), US, Policy(), as_read=True) == "profile_too_large"


def test_a_person_whom_only_the_ledger_names_is_mapped_to_see_whether_the_name_still_counts() -> None:
    change = PlannedChange("update", "email:team@example.com", ("k",), b'{"email":"team@example.com"}')
    policy = Policy(blocked=Blocked(("team@example.com",)))
    assert fault(change, SnapshotOrder("s", 5, "ndjson"), US, policy, as_read=False) == "identifier_blocked"


_LINES = st.one_of(
    st.dictionaries(st.text(max_size=2), st.one_of(_NUMBERS, _OTHERS, st.text(max_size=3)), max_size=3).map(str),
    st.sampled_from(
        [
            "",
            " \r",
            "\ufeff",
            '{"a":1}',
            '{"a": 1.50}\r',
            '{"a":1,"a":1}',
            '{"a":1,"\\u0061":2}',
            '{"x":[{"b":"\\"","b":""}]}',
            '{"a":"]}","b":"[{\\\\"}',
            '{"a":1}{"a":1}',
            '{"a":1',
            '"b":2}',
            "{}",
            "[",
            "]",
            "5",
            "9" * 30,
            "9" * 101,
            "1e999",
            '{"e":1e400}',
            '{"n":-0.0,"m":1E5}',
            "[" * 65 + "]" * 65,
            "[" * 64 + "]" * 64,
            '["]","[",' * 65 + "1" + "]" * 65,
            '{"n":NaN}',
            "{" + ",".join(f'"n{n}":1' for n in range(1_001)) + "}",
            "\x00",
            '{"a":"\x07"}',
        ]
    ),
)


@given(st.lists(_LINES, max_size=6), st.integers(1, 40), st.booleans())
def test_lines_are_read_the_same_beside_one_that_is_long(lines: list[str], cut: int, ended: bool) -> None:
    def told(text: str) -> list[Any]:
        raw = text.encode("utf-8", "surrogatepass")
        found: list[Any] = []
        try:
            for number, value in objects(raw[at : at + cut] for at in range(0, len(raw), cut)):
                found.append((number, repr(value)))
        except Unreadable as error:
            found.append(str(error))
        return found

    # At the end, so that all blocks but the last are whole, and longer than the parts in which they are checked.
    one_by_one = "\n".join([*lines, f'"{"x" * json_limits.SMALL}"'])
    together = "\n".join(lines) + ("\n" if ended else "")
    expected = told(one_by_one)
    assert told(together) == (expected if isinstance(expected[-1], str) else expected[:-1])
