"""The filter, order and page of the queue table, as its address holds them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from console.forms import address, page_number
from ops.status_words import STATES

#: The columns that can be sorted, with the direction that shows first what a person looks for.
SORTS: Final = {
    "status": "asc",
    "name": "asc",
    "connection": "asc",
    "pending": "desc",
    "oldest": "desc",
    "dead": "desc",
}


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """What the table shows. Empty: any. `sort`: one of SORTS; `desc`: its direction; `page`: from 1."""

    text: str = ""
    state: str = ""
    kind: str = ""
    connection: str = ""
    sort: str = "status"
    desc: bool = False
    page: int = 1

    @property
    def address(self) -> str:
        """The address of the page, relative to the first one."""
        given = {
            "q": self.text,
            "state": self.state,
            "kind": self.kind,
            "connection": self.connection,
            "sort": "" if self.sort == "status" else self.sort,
            "dir": "" if self.desc == (SORTS[self.sort] == "desc") else ("desc" if self.desc else "asc"),
            "page": "" if self.page == 1 else str(self.page),
        }
        return address("/", given)

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves out queues."""
        return bool(self.text or self.state or self.kind or self.connection)

    @property
    def folds(self) -> bool:
        """Whether the queues that one connection blocks are one row: not if somebody asks for them."""
        return not (self.text or self.state or self.connection) and self.sort == "status"

    def but(self, **other: Any) -> QueueFilter:
        """Return the filter with other values, on its first page unless one is given."""
        return replace(self, **{"page": 1, **other})

    def by(self, column: str) -> QueueFilter:
        """Return the filter sorted by a column; the other way round if it is sorted by that already."""
        return self.but(sort=column, desc=not self.desc if column == self.sort else SORTS[column] == "desc")


def queue_filter(given: Callable[[str], str | None]) -> QueueFilter:
    """Return the filter of a query; unknown values count as none. `given`: reads a field."""
    state, sort = (given(name) or "" for name in ("state", "sort"))
    column = sort if sort in SORTS else "status"
    return QueueFilter(
        (given("q") or "").strip(),
        state if state in STATES else "",
        (given("kind") or "").strip(),
        (given("connection") or "").strip(),
        column,
        (given("dir") or SORTS[column]) == "desc",
        page_number(given("page")),
    )
