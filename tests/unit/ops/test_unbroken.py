"""No id is broken over lines, however long it is and however narrow the terminal."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from ops.unbroken import StackedTable, UnbrokenText


def printed(made: StackedTable, width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, markup=False, emoji=False).print(made, crop=False)
    return out.getvalue().splitlines()


def table(*rows: tuple[str, str, str, str]) -> StackedTable:
    made = StackedTable("Queue", "Pending", "Dead", right=("Dead",))
    for name, dead, whole, below in rows:
        made.add_row([name, "5/100", Text(dead)], whole, below)
    return made


@given(
    st.text("abc-/%", min_size=1, max_size=200),
    st.text("ab ", max_size=120),
    st.text("aé高", max_size=60),
    st.integers(40, 160),
)
def test_an_id_is_on_one_line_and_everything_else_within_the_width(
    whole: str, below: str, name: str, width: int
) -> None:
    lines = printed(table((name, "3", whole, below)), width)
    (with_id,) = [line for line in lines if whole in line and line.startswith("  ")][:1]
    others = [line for line in lines if line is not with_id]
    assert max(Text(line).cell_len for line in others) <= width
    assert Text(with_id).cell_len <= max(width, len(whole) + 2)
    assert "".join("".join(lines).split()).endswith("".join((whole + below).split()))


def test_columns_are_aligned_and_a_long_name_gives_way_to_the_figures() -> None:
    lines = printed(table(("x" * 90, "12", "a/b/1", ""), ("short", "7", "a/b/2", "")), 40)
    assert lines == [
        "Queue                      Pending  Dead",
        f"{'x' * 24}…  5/100      12",
        "  a/b/1",
        "short                      5/100       7",
        "  a/b/2",
    ]


def test_what_is_said_of_an_id_stands_beside_it_where_there_is_room() -> None:
    *_, with_id = printed(table(("VIPs", "0", "default/audience/42", "oldest 3m")), 60)
    assert with_id == "  default/audience/42  oldest 3m"
    *_, with_id, said = printed(table(("VIPs", "0", "default/audience/42", "oldest 3m")), 30)
    assert (with_id, said.rstrip()) == ("  default/audience/42", "    oldest 3m")


@given(st.lists(st.text("ab/-%", min_size=1, max_size=90), min_size=1, max_size=9), st.integers(20, 100))
def test_a_paragraph_is_wrapped_at_spaces_only(words: list[str], width: int) -> None:
    out = io.StringIO()
    Console(file=out, width=width, markup=False, emoji=False).print(UnbrokenText(" ".join(words), indent=2), crop=False)
    lines = out.getvalue().splitlines()
    assert " ".join(lines).split() == words
    assert all(line.startswith("  ") for line in lines)
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines)


def test_a_paragraph_may_hang_below_its_first_line_and_keeps_a_long_id_whole() -> None:
    job = "RW1VTGF0X21haW50ZW5hbmNl" * 3
    out = io.StringIO()
    Console(file=out, width=40).print(UnbrokenText(f"12:00  delivered in import job {job}", hang=4), crop=False)
    assert out.getvalue().splitlines() == ["12:00  delivered in import job", f"    {job}"]
