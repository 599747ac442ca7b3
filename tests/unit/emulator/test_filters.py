from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import filters
from emulator.errors import ApiError
from emulator.filters import Clause, holds, parse

ALLOWED = {"email": filters.TEXT, "name": filters.TEXT, "created": filters.DATES}


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ('equals(email,"a@b.co")', [Clause("equals", "email", ("a@b.co",))]),
        ("equals(email,'a@b.co')", [Clause("equals", "email", ("a@b.co",))]),
        ("any(email,['a@b.co',\"c@d.co\"])", [Clause("any", "email", ("a@b.co", "c@d.co"))]),
        ("any(email,[])", [Clause("any", "email", ())]),
        ('equals(name,"My VIP, List (new)")', [Clause("equals", "name", ("My VIP, List (new)",))]),
        (r'equals(name,"say \"hi\"")', [Clause("equals", "name", ('say "hi"',))]),
        (r"equals(name,'it\'s')", [Clause("equals", "name", ("it's",))]),
        (
            "greater-than(created,2026-01-01T00:00:00Z)",
            [Clause("greater-than", "created", ("2026-01-01T00:00:00Z",))],
        ),
        (
            'equals(name,"a"),less-than(created,2026-01-01)',
            [Clause("equals", "name", ("a",)), Clause("less-than", "created", ("2026-01-01",))],
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
        'equals(phone,"1")',
        'contains(email,"a")',
        'any(email,"a@b.co")',
        'equals(email,["a@b.co"])',
        "greater-than(created,yesterday)",
        "equals(email,)",
        'equals(name,"a"x)',
    ],
)
def test_a_bad_filter_is_refused_and_names_the_parameter(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse(text, ALLOWED)
    assert refused.value.status == 400
    assert refused.value.problems[0].parameter == "filter"


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
        (Clause("greater-than", "created", ("2026-01-01T00:00:00Z",)), "2026-01-01T00:00:00+00:00", False),
        (Clause("greater-or-equal", "created", ("2026-01-01T00:00:00Z",)), "2026-01-01T00:00:00+00:00", True),
        (Clause("less-than", "created", ("2026-01-01T02:00:00+02:00",)), "2025-12-31T23:59:59+00:00", True),
        (Clause("less-or-equal", "created", ("2026-01-01",)), "2026-01-01T00:00:01+00:00", False),
    ],
)
def test_a_clause_holds_for_the_values_it_describes(clause: Clause, value: str | None, expected: bool) -> None:
    assert holds(clause, value) is expected
