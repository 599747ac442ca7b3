from __future__ import annotations

import tracemalloc
from typing import Any

import msgspec
import pytest

from queues.snapshots.orders import Format
from snapshots.reading import rows
from snapshots.report import ReadReport
from snapshots.rows import Selection, SnapshotRow, Unreadable, Unusable

DEEP = '{"a":' * 500 + "1" + "}" * 500


def _told(body: str | bytes, form: Format, cut: int = 11) -> list[Any]:
    raw = body.encode() if isinstance(body, str) else body
    pieces = (raw[at : at + cut] for at in range(0, len(raw), cut))
    found = rows(pieces, form, False, Selection(full=True))
    return [msgspec.json.decode(row.fragment) if isinstance(row, SnapshotRow) else row for row in found]


MEMBERS: list[dict[str, Any]] = [
    {"email": "ann@example.com", "attributes": {"first_name": "Ann", "tags": ["a", {"b": 1}], "ltv": 12.5, "n": 3}},
    {"email": "bob@example.com", "phone_number": "+14155552671", "customer_id": 17, "city": "Oslo", "plan": None},
    {"email": None, "city": "Oslo"},
]
TOLD = [
    MEMBERS[0],
    {
        "email": "bob@example.com",
        "phone": "+14155552671",
        "external_id": "17",
        "attributes": {"city": "Oslo", "plan": None},
    },
    Unusable(3, "identity_missing"),
]


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("ndjson", "\n".join(map(str, (msgspec.json.encode(member).decode() for member in MEMBERS)))),
        ("ndjson", "\ufeff\r\n" + "\r\n\r\n".join(msgspec.json.encode(member).decode() for member in MEMBERS) + "\r\n"),
        ("json", msgspec.json.encode(MEMBERS).decode()),
        ("json", " \n" + msgspec.json.encode({"members": MEMBERS}).decode() + "\n"),
        ("json", "\ufeff" + msgspec.json.encode({"members": MEMBERS}).decode()),
    ],
)
def test_members_are_read_nested_or_flat_from_lines_and_documents(form: Format, body: str) -> None:
    assert _told(body, form) == TOLD
    assert [type(value) for value in _told(body, form)[0]["attributes"].values()] == [str, list, float, int]


@pytest.mark.parametrize("cut", [1, 7, 11, 64, 1000])
@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_half_a_character_costs_its_member_and_the_others_nothing(form: Format, cut: int) -> None:
    halves = rb"\ud83d, \ude00\ud83d\u0041, \\\\ud83d, \ud83d\ude00"
    members = [b'{"email":"%s@example.com","city":"%s"}' % (name, halves) for name in (b"ann", b"bob")]
    body = b"[" + b",".join(members) + b"]" if form == "json" else b"\n".join(members)
    cities = [each["attributes"]["city"] for each in _told(body, form, cut)]
    assert cities == ["\ufffd, \ufffd\ufffdA, \\\\ud83d, 😀"] * 2


@pytest.mark.parametrize(
    ("form", "body"), [("json", "[]"), ("json", '{"members": [ ]}'), ("ndjson", ""), ("ndjson", "\n")]
)
def test_a_snapshot_of_nobody_is_one(form: Format, body: str) -> None:
    assert _told(body, form) == []


@pytest.mark.parametrize(
    ("form", "body", "place"),
    [
        ("ndjson", '{"email": "ann@example.com"}\n{"email": "bob@exa', "line 2"),
        ("ndjson", '\n{"email": "ann@example.com"} {}\n', "line 2"),
        ("ndjson", '["ann@example.com"]', "line 1"),
        ("ndjson", '{"email": "ann@example.com", "attributes": 5}', "line 1"),
        ("ndjson", b'{"email": "ann@example.com"}\n{"city": "K\xf6ln \xc3\xb6 \x81"}', "line 2 is not UTF-8"),
        ("ndjson", "[" * 100_000, "line 1"),
        (
            "ndjson",
            f'{{"email": "ann@example.com", "x": {"[" * 65}{"]" * 65}}}',
            r"line 1: \$\.x\[0\].*: nested too deeply",
        ),
        ("ndjson", f'{{"attributes": {{"x": {DEEP}}}}}', r"line 1: \$\.attributes\.x\.a.*: nested too deeply"),
        ("ndjson", '{"email": "ann@example.com", "e-mail": "bob@example.com"}', "line 1 has two values for email"),
        ("json", '[{"external_id": "c-1", "customer_id": "c-2"}]', "member 1 has two values for external_id"),
        ("json", '{"members": [{"email": "ann@example.com"}], "exclusions": [{}]}', "exclusions: unknown"),
        ("json", '{"member": []}', "member: unknown; did you mean members"),
        ("json", '{"members": [], "members": []}', "members appears twice"),
        ("json", '[{"email": "ann@example.com", "email": "bob@example.com"}]', "member 1.email: appears twice"),
        ("json", '[{}, {"attributes": {"a": [0, {"b": 1, "b": 2}]}}]', r"member 2.attributes.a\[1\].b: appears twice"),
        ("ndjson", '{"email": "ann@example.com"}\n{"x": {"y": 1, "y": 1}}', "line 2.x.y: appears twice"),
        ("ndjson", '{"email": "ann@example.com", "e\\u006dail": "b@example.com"}', "line 1.email: appears twice"),
        (
            "json",
            f'[{{"email": "ann@example.com", "x": {"[" * 2_000}{"]" * 2_000}}}]',
            "after member 0 is nested too deeply",
        ),
        ("json", f'{{"x": {"[" * 5_000}{"]" * 5_000}, "members": []}}', "after member 0 is nested too deeply"),
        ("json", '{"members":' + "[" * 20_000, "after member 0 is nested too deeply, over 64 levels"),
        ("json", '{"members":[{"x":[]},' + '{"a":' * 20_000, "after member [01] is nested too deeply"),
        ("json", '[{"n": 1e999}]', "after member 0 is a number of over 100 digits, or beyond"),
        ("json", '[{"n": -' + "9" * 5_000 + "}]", "after member 0 is a number of over 100 digits, or beyond"),
        ("json", '[{"n": ' + "9" * 2_000_000, "after member 0 is a number of over 100 digits"),
        (
            "json",
            '[{"email": "ann@example.com", "x": [' + '"[\\\\",' * 9_000 + "1E+400]}]",
            "after member 0 is a number",
        ),
        ("json", '[{"n": NaN}]', "after member 0 is not JSON"),
        ("ndjson", '{"a": 1}\n{"x": {"n": -1e999}}', r"line 2: \$\.x\.n: a number of over 100 digits"),
        ("ndjson", '{"n": ' + "9" * 5_000 + "}", r"line 1: \$\.n: a number of over 100 digits"),
        ("ndjson", '{"n": Infinity}', "line 1 is not JSON"),
        ("ndjson", '{"ann@example.com": {"n": 1e400}}', r"line 1: \$\[\.\.\.\]\.n: a number"),
        ("ndjson", '{"x": {' + ",".join(f'"n{n}": 1' for n in range(1_001)) + "}}", r"line 1: \$\.x: over 1,000 names"),
        ("json", "[{" + ",".join(f'"n{n}": 1' for n in range(1_001)) + "}]", "member 1 has over 1,000 attributes"),
        ("ndjson", '{"email": "' + "a" * 1_000_000, "line 1 is longer"),
        ("json", '[{"email": "ann@example.com"}, {"email": "bob@exa', "after member 1"),
        ("json", '{"members": [{"email": "ann@example.com"}]', "after member 1"),
        ("json", '[{"email": "ann@example.com"}] x', "after member 1"),
        ("json", '[{"email": "ann@example.com"}, "bob@example.com"]', "member 2"),
        ("json", "", "after member 0"),
        ("json", '{"people": [{"email": "ann@example.com"}]}', "people: unknown; known names: members"),
        ("json", '{"members": {"email": "ann@example.com"}}', "neither"),
        ("json", '{"members": null}', "neither"),
        ("json", "5", "neither"),
        ("json", '[{"email": "ann@example.com"}, {"a": "' + "a" * 2_000_000 + '"}]', "longer than"),
    ],
)
def test_what_is_not_whole_or_not_in_its_form_is_refused_naming_the_place_and_nobody(
    form: Format, body: str | bytes, place: str
) -> None:
    with pytest.raises(Unreadable, match=place) as caught:
        _told(body, form, cut=100_000)
    assert "@" not in str(caught.value)


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),  # Klaviyo takes 64 bits, so the attribute is left out
        ("-9223372036854775809", None),
        ("9" * 100, None),
        ("-0", 0),
        ("-0.0", -0.0),
        ("1E5", 100_000.0),
        ("1.0", 1.0),
        ("1e-400", 0.0),
        ("0.1234567890123456789", 0.12345678901234568),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("9" * 101, "digits"),
        ("1e400", "beyond 1.8e308"),
        ("-1e400", "beyond 1.8e308"),
        ("[1e400]", "beyond 1.8e308"),
        ("01", "not JSON"),
        ("1.", "not JSON"),
        ("-", "not JSON"),
    ],
)
@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("ndjson", '{"email": "ann@example.com", "n": %s}'),
        ("json", '[{"email": "ann@example.com", "n": %s}]'),
        ("json", '{"members": [{"email": "ann@example.com", "n": %s}]}'),
    ],
)
def test_a_number_is_read_or_refused_alike_in_lines_and_documents(
    form: Format, body: str, number: str, value: float | str | None
) -> None:
    if isinstance(value, str):
        with pytest.raises(Unreadable, match=value):
            _told(body % number, form)
        return
    (found,) = _told(body % number, form)
    # The text tells 1 from 1.0, and 0.0 from -0.0.
    assert repr(found.get("attributes", {}).get("n")) == repr(value)


def test_an_identifier_that_is_empty_under_one_name_may_stand_under_another() -> None:
    assert _told('{"phone": "+14155552671", "phone_number": null}', "ndjson") == [{"phone": "+14155552671"}]
    assert _told('{"Email": "ann@example.com", "email": "ann@example.com"}', "ndjson") == [{"email": "ann@example.com"}]


@pytest.mark.parametrize(("form", "around"), [("ndjson", 1), ("json", 2)])
def test_a_line_or_a_document_may_be_nested_as_deeply_as_any_message(form: Format, around: int) -> None:
    deep = msgspec.json.decode("[" * (64 - around) + "]" * (64 - around))
    member = {"email": "ann@example.com", "x": deep, "n": 10**18}
    body = msgspec.json.encode(member if form == "ndjson" else [member])
    report = ReadReport()
    (row,) = rows(iter([body]), form, False, Selection(full=True), report=report)
    assert isinstance(row, SnapshotRow)
    # Klaviyo takes ten levels, so the value is left out and the person is sent.
    assert msgspec.json.decode(row.fragment)["attributes"] == {"n": 10**18}
    assert report.left_out == {"x": {"attribute_too_large": 1}}


@pytest.mark.parametrize("inner", ["[", '{"a":', '[{"a":', '[["x",', '{"a":1,"b":'])
@pytest.mark.parametrize("before", ["", "[", '{"members":[', '{"members":[{"email":"a@example.com"},'])
def test_a_document_without_end_takes_no_memory(before: str, inner: str) -> None:
    pieces = iter([(before + inner * 200_000).encode()])
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable, match=r"nested too deeply|neither"):
            list(rows(pieces, "json", False, Selection(full=True)))
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
