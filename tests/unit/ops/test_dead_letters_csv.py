"""Dead letters as the CSV of Klaviyo's own import."""

from __future__ import annotations

import csv
import io
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.rules import Rules
from ops.dead_letters.csv_file import LettersCsv, sheet
from queues.change import Action, Body, Change, person_key

NOW = 1_767_225_600_000


def change(action: Action = "add", at: int = 0, **person: Any) -> Change:
    keys = [person_key(name, str(person[name])) for name in ("email", "phone", "external_id") if name in person]
    body = Body(action, NOW + at, "changes", "m-1", msgspec.Raw(msgspec.json.encode(person)))
    return Change(tuple(keys or ["k" * 16]), NOW, body)


def read(made: LettersCsv) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(made.content.decode(), newline="")))


def test_the_identifiers_come_first_then_klaviyos_fields_then_properties() -> None:
    attributes = {"plan": "gold", "city": "Oslo", "first_name": "Ann", "zip": "0150", "region": "Viken", "age": 40}
    made = sheet([change(email="ann@example.com", external_id="c-1", attributes=attributes)], Rules())
    header = made.content.decode().splitlines()[0]
    assert header == "Email,Phone Number,External ID,First Name,City,State / Region,Zip Code,age,plan"
    assert made.content.decode().splitlines()[1] == "ann@example.com,,c-1,Ann,Oslo,Viken,0150,40,gold"
    assert (made.people, made.left_out) == (1, {})


def test_values_are_written_as_klaviyo_reads_them() -> None:
    attributes = {"list": ["a", 'b"c'], "yes": True, "half": 0.5, "quoted": 'say "hi", Ann', "lines": "one\r\ntwo"}
    made = sheet([change(email="ann@example.com", attributes=attributes)], Rules())
    (row,) = read(made)
    assert row["list"] == '["a","b\\"c"]'
    assert (row["yes"], row["half"]) == ("true", "0.5")
    assert (row["quoted"], row["lines"]) == ('say "hi", Ann', "one\r\ntwo")
    assert b'"say ""hi"", Ann"' in made.content


def test_a_property_with_the_name_of_a_field_does_not_become_that_field() -> None:
    (row,) = read(sheet([change(email="ann@example.com", attributes={"Email": "x", "last name": "y"})], Rules()))
    assert (row["Email"], row["Email (property)"], row["last name (property)"]) == ("ann@example.com", "x", "y")


def test_all_changes_of_a_person_make_one_row() -> None:
    changes = [
        change(email="ann@example.com", attributes={"plan": "gold", "level": 1}),
        change("update", 1, email="Ann@example.com ", attributes={"level": 2}),
    ]
    (row,) = read(sheet(changes, Rules()))
    assert (row["plan"], row["level"]) == ("gold", "2")


def test_nobody_is_put_on_a_list_who_does_not_join_it() -> None:
    changes = [
        change("remove", email="left@example.com"),
        change(email="joined-and-left@example.com"),
        change("remove", 1, email="joined-and-left@example.com"),
        change("update", email="member@example.com"),
        change(email="ann@example.com"),
    ]
    made = sheet(changes, Rules())
    assert [row["Email"] for row in read(made)] == ["ann@example.com"]
    assert made.left_out == {"leaving the audience": 2, "neither joining nor leaving": 1}


@pytest.mark.parametrize(
    ("person", "why"),
    [
        ({"email": "nonsense"}, "email_invalid"),
        ({"external_id": "c-1"}, "without e-mail and phone"),
        ({"email": "bob@example.com", "phone": "+14155552671"}, "with the e-mail or phone of another"),
    ],
)
def test_who_cannot_be_imported_is_left_out_and_counted(person: dict[str, Any], why: str) -> None:
    ann: dict[str, Any] = {"email": "ann@example.com", "phone": "+14155552671", "external_id": "c-2"}
    made = sheet([change(**ann), change(**person)], Rules())
    assert (made.people, made.left_out) == (1, {why: 1})


def test_without_people_there_is_a_header_all_the_same() -> None:
    assert sheet([], Rules()).content == b"Email,Phone Number,External ID\r\n"


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
        st.text(max_size=20) | st.booleans() | st.integers(-(2**40), 2**40) | st.lists(st.text(max_size=5), max_size=3),
        max_size=6,
    )
)
def test_whatever_the_attributes_the_csv_reads_back_as_one_row(attributes: dict[str, Any]) -> None:
    clean = msgspec.json.encode({"email": "ann@example.com", "attributes": attributes}).decode()
    person = msgspec.json.decode(clean)
    (row,) = read(sheet([change(**person)], Rules()))
    assert row["Email"] == "ann@example.com"
    assert None not in row, "as many cells as headers"
