"""Files for Klaviyo's SFTP import."""

from __future__ import annotations

import csv
import io
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.profile import Profile
from ops.errors import Failed
from ops.export.columns import LARGEST
from ops.export.files import write


def person(email: str = "ann@example.com", **properties: Any) -> Profile:
    return Profile({"email": email, **({"properties": properties} if properties else {})})


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))


def test_the_identifiers_that_anybody_has_come_first_under_their_exact_names(tmp_path: Path) -> None:
    people = [
        Profile(
            {"external_id": "c-1", "first_name": "Ann", "location": {"city": "Oslo"}, "properties": {"plan": "gold"}}
        ),
        Profile({"external_id": "c-2", "phone_number": "+14155552671"}),
    ]
    (file,) = write(people, tmp_path, "42").files
    assert file.read_bytes() == (
        b"PhoneNumber,ExternalID,FirstName,City,plan\r\n,c-1,Ann,Oslo,gold\r\n+14155552671,c-2,,,\r\n"
    )
    assert write([person()], tmp_path, "43").files[0].read_bytes() == b"Email\r\nann@example.com\r\n"


def test_a_file_is_named_after_the_audience_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    (file,) = write([person()], tmp_path, "VIPs / new!").files
    assert file == tmp_path / "ferry-VIPs-new--1.csv"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_values_stay_as_they_are_those_that_look_like_formulas_too(tmp_path: Path) -> None:
    value: dict[str, Any] = {
        "formula": "=1+1",
        "quoted": 'say "hi", Ann',
        "lines": "one\r\ntwo",
        "list": ["a", "é"],
        "yes": True,
    }
    (row,) = rows(write([person(**value)], tmp_path, "42").files[0])
    assert (row["formula"], row["quoted"], row["lines"]) == ("=1+1", 'say "hi", Ann', "one\r\ntwo")
    assert (row["list"], row["yes"]) == ('["a","é"]', "true")


def test_a_property_with_the_name_of_a_field_does_not_become_that_field(tmp_path: Path) -> None:
    taken = Profile({"email": "ann@example.com", "properties": {"PhoneNumber": "x", "email": "y"}})
    (row,) = rows(write([taken], tmp_path, "42").files[0])
    assert row == {"Email": "ann@example.com", "PhoneNumber (property)": "x", "email (property)": "y"}


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=40),
    st.integers(60, 200),
)
def test_no_file_is_too_large_each_has_the_header_and_nobody_is_lost_or_moved(values: list[str], largest: int) -> None:
    people = [person(f"p{index}@example.com", note=value) for index, value in enumerate(values)]
    with TemporaryDirectory() as folder:
        written = write(people, Path(folder), "42", largest)
        assert written.people == len(people)
        found = [rows(path) for path in written.files]
        assert [path.name for path in written.files] == [f"ferry-42-{n + 1}.csv" for n in range(len(found))]
        # A person of more than a file's size has one alone.
        assert all(path.stat().st_size <= largest or len(rows(path)) == 1 for path in written.files)
    assert [row["Email"] for part in found for row in part] == [f"p{index}@example.com" for index in range(len(people))]
    assert [row["note"] for part in found for row in part] == values


def test_a_file_is_split_at_fifty_million_bytes(tmp_path: Path) -> None:
    people = (person(f"p{index}@example.com", note="x" * 90_000) for index in range(600))
    written = write(people, tmp_path, "42")
    sizes = [path.stat().st_size for path in written.files]
    assert len(sizes) == 2
    assert LARGEST - 91_000 < sizes[0] <= LARGEST == 50_000_000


def test_a_file_that_is_there_is_not_touched_and_none_is_left_of_an_export_that_failed(tmp_path: Path) -> None:
    (tmp_path / "ferry-42-2.csv").write_text("mine")
    with pytest.raises(Failed, match="already exists"):
        write([person(f"p{index}@example.com") for index in range(20)], tmp_path, "42", largest=60)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"ferry-42-2.csv": "mine"}


def test_people_who_cannot_be_read_to_the_end_make_no_file(tmp_path: Path) -> None:
    def broken() -> Iterator[Profile]:
        yield person()
        raise EOFError

    with pytest.raises(EOFError):
        write(broken(), tmp_path, "42")
    assert list(tmp_path.iterdir()) == []


def test_nobody_is_no_file(tmp_path: Path) -> None:
    written = write([], tmp_path, "42")
    assert (written.files, written.people, list(tmp_path.iterdir())) == ([], 0, [])
