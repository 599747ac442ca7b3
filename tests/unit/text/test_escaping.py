"""What others named steers nothing where it is shown."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.hostile import HOSTILE, IN_JSON, SHOWN, STEERS
from text.escaping import spreadsheet_cell, visible, visible_json, visible_lines

UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Cs")
any_text = st.text(st.characters())  # surrogates too


@given(any_text)
@example(HOSTILE)
def test_nothing_unseen_is_left_and_twice_is_the_same_as_once(text: str) -> None:
    shown = visible(text)
    assert not [character for character in shown if unicodedata.category(character) in UNSEEN]
    assert visible(shown) == shown
    assert visible_lines(text).replace("\n", r"\x0a") == shown


@given(any_text)
@example(HOSTILE)
def test_json_says_the_same_in_characters_that_steer_nothing(text: str) -> None:
    document = visible_json(json.dumps({text: [text]}, ensure_ascii=False))
    assert not STEERS.search(document)
    assert json.loads(document) == {text: [text]}


@pytest.mark.parametrize(
    "text",
    ["VIPs", "", r"C:\new \x1b", "Größe 大 مرحبا שלום नमस्ते", "I ❤️ VIPs", "e\u0301", "a b", "1️⃣ first", "[bold] :smile:"],
)
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("a\nb\tc\r", r"a\x0ab\x09c\x0d"),
        ("\x9b2J", r"\x9b2J"),
        ("\u202egpj", r"\u202egpj"),
        ("VIP\ufe0f", r"VIP\ufe0f"),
        ("VIP\u3164\u2800", r"VIP\u3164\u2800"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_steers_or_hides_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_the_hostile_name_of_the_other_tests_is_written_out() -> None:
    assert visible(HOSTILE).startswith(SHOWN)
    assert IN_JSON in visible_json(json.dumps(HOSTILE, ensure_ascii=False))


@pytest.mark.parametrize("cell", ["=1+1", "+14155552671", "-5", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1"])
def test_a_cell_that_a_spreadsheet_would_take_for_a_formula_begins_with_an_apostrophe(cell: str) -> None:
    assert spreadsheet_cell(cell) == f"'{visible(cell)}"


@given(any_text)
def test_no_cell_for_a_spreadsheet_begins_as_a_formula(text: str) -> None:
    assert not spreadsheet_cell(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("cell", ["", "Ann", "a=b", "'", "1-2", "ann@example.com"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert spreadsheet_cell(cell) == cell
