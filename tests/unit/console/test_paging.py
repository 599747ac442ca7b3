from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.paging import PAGE, ListPart, part_of


@given(st.integers(0, 200))
def test_the_pages_together_have_every_row_once_and_say_which(rows: int) -> None:
    every = [*range(1, rows + 1)]
    parts = [part_of(every, page) for page in range(1, part_of(every, 1).pages + 1)]
    assert [row for part in parts for row in part.rows] == every
    for part in parts:
        assert len(part.rows) <= PAGE
        assert [*part.rows] == [*range(part.first, part.last + 1)] or not rows
        assert part.of == rows


def test_a_number_beyond_the_last_page_is_the_last_page_and_an_empty_list_has_one() -> None:
    assert part_of([*range(60)], 99) == ListPart([*range(50, 60)], 51, 60, 60, 3, 3)
    assert part_of([], 7) == ListPart([], 0, 0, 0, 1, 1)
