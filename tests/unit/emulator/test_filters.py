from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import ApiError
from emulator.filters import Clause, Filterable, holds, parse

TEXT, DATES = frozenset({"equals", "any"}), frozenset({"greater-than", "less-than"})
ALLOWED = {
    "email": Filterable("string", TEXT),
    "name": Filterable("string", TEXT),
    "status": Filterable("string", frozenset({"equals"}), ("queued", "complete")),
    "created": Filterable("date-time", DATES),
    "timestamp": Filterable("number", DATES),
    "profile": Filterable("none", frozenset({"has"})),
}
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ('equals(email,"a@b.co")', [Clause("equals", "email", ("a@b.co",))]),
        ("equals(email,'a@b.co')", [Clause("equals", "email", ("a@b.co",))]),
        ("equals(email,['a@b.co'])", [Clause("equals", "email", ("a@b.co",))]),
        ("any(email,['a@b.co',\"c@d.co\"])", [Clause("any", "email", ("a@b.co", "c@d.co"))]),
        ("any(email,[])", [Clause("any", "email", ())]),
        ('equals(name,"My VIP, List (new)")', [Clause("equals", "name", ("My VIP, List (new)",))]),
        (r'equals(name,"say \"hi\"")', [Clause("equals", "name", ('say "hi"',))]),
        (r"equals(name,'it\'s')", [Clause("equals", "name", ("it's",))]),
        ('equals(status,"queued")', [Clause("equals", "status", ("queued",))]),
        ("greater-than(created,2026-01-01T00:00:00Z)", [Clause("greater-than", "created", (NEW_YEAR,))]),
        ("less-than(timestamp,1700000000)", [Clause("less-than", "timestamp", (1_700_000_000.0,))]),
        ("has(profile)", [Clause("has", "profile", ())]),
        (
            'equals(name,"a"),less-than(created,2026-01-01)',
            [Clause("equals", "name", ("a",)), Clause("less-than", "created", (NEW_YEAR,))],
        ),
        (
            'and(equals(name,"a"),equals(email,"b@c.de"))',
            [Clause("equals", "name", ("a",)), Clause("equals", "email", ("b@c.de",))],
        ),
    ],
)
def test_a_filter_is_read_into_its_clauses(text: str, clauses: list[Clause]) -> None:
    assert parse(text, ALLOWED) == clauses


@pytest.mark.parametrize(
    "text",
    [
        "email",
        'equals(email,"a@b.co"',
        'equals(email,"a@b.co"),',
        'equals(email,"a@b.co") or equals(email,"c@d.co")',
        'contains(email,"a")',
        'any(email,"a@b.co")',
        "equals(email,a@b.co)",
        "any(email,[a@b.co])",
        "any(email,['a@b.co',c@d.co])",
        "equals(status,'lost')",
        "greater-than(created,yesterday)",
        "greater-than(created,'2026-01-01')",
        "greater-than(created,[2026-01-01])",
        "less-than(timestamp,'1700000000')",
        "less-than(timestamp,soon)",
        "has(profile,'x')",
        "has(email)",
        "equals(email)",
        "equals(email,)",
        'equals(name,"a"x)',
    ],
)
def test_a_bad_filter_is_refused_and_names_the_parameter(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse(text, ALLOWED)
    assert refused.value.status == 400
    (problem,) = refused.value.problems
    assert problem.parameter == "filter"
    assert problem.detail.startswith("Invalid filter provided")


def test_an_unknown_field_is_refused_in_klaviyos_words() -> None:
    with pytest.raises(ApiError) as refused:
        parse('equals(phone,"1")', {name: ALLOWED[name] for name in ("name", "email")})
    assert refused.value.problems[0].detail == (
        "'phone' is not a filterable field for this resource. The filterable fields on this resource are: email, name"
    )


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_any_text_survives_quoting_with_escapes(values: list[str]) -> None:
    quoted = ",".join('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    assert parse(f"any(name,[{quoted}])", ALLOWED) == [Clause("any", "name", tuple(values))]


@pytest.mark.parametrize(
    ("clause", "value", "expected"),
    [
        (Clause("equals", "email", ("Ada@Example.com",)), "ada@example.COM", True),
        (Clause("any", "email", ("x@example.com", "ADA@example.com")), "ada@example.com", True),
        (Clause("equals", "name", ("VIP",)), "vip", False),
        (Clause("equals", "name", ("VIP",)), None, False),
        (Clause("any", "name", ()), "VIP", False),
        (Clause("has", "profile", ()), None, True),
        (Clause("greater-than", "timestamp", (7.0,)), 7, False),
        (Clause("greater-or-equal", "timestamp", (7.0,)), 7, True),
        (Clause("greater-than", "created", (NEW_YEAR,)), "2026-01-01T00:00:00+00:00", False),
        (Clause("greater-or-equal", "created", (NEW_YEAR,)), "2026-01-01T00:00:00+00:00", True),
        (Clause("less-than", "created", (NEW_YEAR,)), "2025-12-31T23:59:59+00:00", True),
        (Clause("less-or-equal", "created", (NEW_YEAR,)), "2026-01-01T00:00:01+00:00", False),
    ],
)
def test_a_clause_holds_for_the_values_it_describes(clause: Clause, value: Any, expected: bool) -> None:
    assert holds(clause, value) is expected
