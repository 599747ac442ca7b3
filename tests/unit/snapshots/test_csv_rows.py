from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.rules import Rules
from snapshots.reading import rows
from snapshots.rows import Selection, SnapshotRow, Unreadable, Unusable

FULL = Selection(full=True)


def _rows(text: str | bytes, selection: Selection = FULL, cut: int = 7) -> list[SnapshotRow | Unusable]:
    body = text.encode() if isinstance(text, str) else text
    pieces = (body[at : at + cut] for at in range(0, len(body), cut))
    return [*rows(pieces, "csv", False, selection, Rules(default_country="US"))]


def _told(text: str | bytes, selection: Selection = FULL) -> Iterator[object]:
    for row in _rows(text, selection):
        yield msgspec.json.decode(row.fragment) if isinstance(row, SnapshotRow) else row


@pytest.mark.parametrize("header", ["email", "Email", "EMAIL", "e-mail", "E Mail", " email "])
def test_the_column_of_addresses_is_known_in_every_spelling(header: str) -> None:
    assert [*_told(f"{header}\nann@example.com\n")] == [{"email": "ann@example.com"}]


def test_identifiers_go_to_their_fields_and_other_columns_are_attributes_under_their_names() -> None:
    text = "Email,phone_number,Customer ID,first_name,Plan Name\nann@example.com,+14155552671,c-1,Ann,gold\n"
    assert [*_told(text)] == [
        {
            "email": "ann@example.com",
            "phone": "+14155552671",
            "external_id": "c-1",
            "attributes": {"first_name": "Ann", "Plan Name": "gold"},
        }
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_delimiter_line_ends_and_byte_order_mark_do_not_matter(delimiter: str, end: str, mark: bytes) -> None:
    lines = [
        delimiter.join(cells) for cells in (("email", "city"), ("ann@example.com", "Oslo"), ("bob@example.com", ""))
    ]
    told = [*_told(mark + end.join(lines).encode())]
    assert told == [
        {"email": "ann@example.com", "attributes": {"city": "Oslo"}},
        {"email": "bob@example.com", "attributes": {"city": None}},
    ]


def test_a_quoted_cell_may_hold_delimiters_quotes_and_newlines() -> None:
    assert [*_told('email,note\nann@example.com,"a, ""b""\nc"\n')] == [
        {"email": "ann@example.com", "attributes": {"note": 'a, "b"\nc'}}
    ]


def test_blank_lines_are_passed_over_and_rows_are_counted_without_them() -> None:
    found = _rows("email,city\n\nann@example.com,Oslo\n\n,Rome\n")
    assert [row.number for row in found] == [1, 2]
    assert found[1] == Unusable(2, "identity_missing")


def test_without_the_full_profile_only_the_identity_and_chosen_attributes_are_sent() -> None:
    text = "email,phone,external_id,city,plan\nann@example.com,+14155552671,c-1,Oslo,gold\n"
    assert [*_told(text, Selection(attributes=frozenset({"plan"})))] == [
        {"email": "ann@example.com", "attributes": {"plan": "gold"}}
    ]


def test_a_header_alone_is_a_snapshot_of_nobody() -> None:
    assert _rows("email\n") == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"", "first line"),
        ("name,city\nAnn,Oslo\n", "first line"),
        ("email,city,city\n", "columns 2 and 3"),
        ("phone,email,Phone Number\n", "columns 1 and 3"),
        ("email,,city\n", "column 2"),
        ("email,city\nann@example.com,Oslo\nbob@example.com,Rome,x\n", "line 3 has 3 cells"),
        ("email,city\nann@example.com,Oslo\nbob@exam", "line 3 has 1 cells"),
        ('email,city\nann@example.com,"Oslo\n', "line 2"),
        ('email,city\nann@example.com,"Oslo"x\n', "line 2"),
        (b"email,city\nann@example.com,Oslo\nbob@example.com,K\xf6ln\x81\n", "line 3 is not UTF-8"),
        ("email\n" + "x" * 1_000_001, "line 2 is longer"),
        ('email\n"' + "x\n" * 600_000, r"line 2, column 1 \(email\): a quote is opened there"),
    ],
)
def test_what_is_no_whole_csv_is_refused_naming_the_place_and_nobody(text: str | bytes, place: str) -> None:
    with pytest.raises(Unreadable, match=place) as caught:
        _rows(text, cut=100_000)
    assert not {"ann@", "bob@", "Oslo"} & {*str(caught.value).replace(",", " ").split()}
    assert "@" not in str(caught.value)


_CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=9)


@given(st.lists(_CELLS, min_size=1, max_size=6), st.integers(1, 40))
def test_every_cell_that_is_quoted_comes_back_however_the_body_is_cut(cells: list[str], cut: int) -> None:
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    header = ",".join(["email", *(f"a{number}" for number in range(len(cells)))])
    text = f"{header}\nann@example.com,{','.join(quoted)}\n"
    (row,) = _rows(text, cut=cut)
    assert isinstance(row, SnapshotRow)
    sent = msgspec.json.decode(row.fragment)["attributes"]
    assert [*sent.values()] == [cell or None for cell in cells]
