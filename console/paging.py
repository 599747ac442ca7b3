"""Cut what a page lists into parts of 25, because a page must not grow with the number of queues. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Each = TypeVar("Each")
Other = TypeVar("Other")

#: Rows on one page.
PAGE: Final = 25


@dataclass(frozen=True, slots=True)
class ListPart(Generic[Each]):
    """The rows of one page. `first`, `last`: their numbers, from 1; 0 if there are none. `of`: all rows.

    `page`: the number of the page; `pages`: of the last one.
    """

    rows: Sequence[Each]
    first: int
    last: int
    of: int
    page: int
    pages: int

    def showing(self, rows: Sequence[Other]) -> ListPart[Other]:
        """Return the same page with these rows."""
        return ListPart(rows, self.first, self.last, self.of, self.page, self.pages)


def part_of(every: Sequence[Each], page: int) -> ListPart[Each]:
    """Return the rows of a page, from 1; of the last page for a higher number."""
    pages = max(1, -(-len(every) // PAGE))
    page = min(page, pages)
    start = (page - 1) * PAGE
    rows = every[start : start + PAGE]
    return ListPart(rows, start + 1 if rows else 0, start + len(rows), len(every), page, pages)
