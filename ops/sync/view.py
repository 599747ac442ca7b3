"""The counts of a snapshot, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table

from ops.output import table
from queues.snapshots.orders import Counts
from text.wording import number, plural


def counts_table(counts: Counts, examples: Mapping[str, Sequence[int]]) -> Table:
    """Return a table of the people read, left out and changed. `examples`: reason -> numbers of rows."""
    made = table("", "People", "", right=("People",))
    for name, count, remark in lines(counts, examples):
        made.add_row(name, number(count), remark)
    return made


def lines(counts: Counts, examples: Mapping[str, Sequence[int]]) -> Iterator[tuple[str, int, str]]:
    """Yield the lines of the table: the name, the number of people, a remark."""
    yield "Customers", counts.customers, f"in {plural(counts.rows, 'row')}"
    if counts.expansion:
        yield "Expansion", counts.expansion, "beyond one for each customer"
    if counts.duplicates:
        yield "Duplicates", counts.duplicates, "rows of people with a later row"
    for reason, left_out in sorted(counts.shrink.items(), key=lambda pair: (-pair[1], pair[0])):
        yield "Left out", left_out, reason + _rows(examples.get(reason, ()))
    yield "To be on the list", counts.people, f"{number(counts.held)} before"
    yield "Adds", counts.adds, ""
    yield "Updates", counts.updates, "on the list, with other attributes"
    yield "Removals", counts.removals, ""
    yield "Unchanged", counts.unchanged, ""
    if counts.newer:
        yield "Left alone", counts.newer, "a single change is newer"


def _rows(numbers: Sequence[int]) -> str:
    return f" (row{'s' if len(numbers) > 1 else ''} {', '.join(map(number, numbers))})" if numbers else ""
