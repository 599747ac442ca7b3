"""The counts of a snapshot, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ops.output import table
from ops.sync.xlsx_rows import DIGITS_LOST
from queues.names import Queue
from queues.snapshots.orders import Counts
from queues.snapshots.records import ColumnUse, Outcomes, Record
from snapshots.report import ReadReport
from text.escaping import visible
from text.wording import number, plural

#: Reason -> what to do, where the reason does not say it.
_REMEDIES: Final = {DIGITS_LOST: ": Excel keeps 15, so format the column as text and enter them again"}
_DONE: Final = ("Added", "Updated", "Removed")
_KEPT: Final = "because they may be people of the snapshot under another identifier"


def reading(report: ReadReport) -> dict[str, Any]:
    """Return encoding, columns and fields left out, for programs."""
    return {
        "encoding": report.spoken,
        "columns": [msgspec.to_builtins(each) for each in report.columns.values()],
        "left_out": {field: dict(reasons) for field, reasons in report.left_out.items()},
    }


def settled_line(record: Record, source: str) -> str:
    """Return how a snapshot ended whose changes are all settled. `source`: what the list was made equal to.

    It says only what was checked: the list itself is not read for a snapshot without changes.
    """
    if record.state == "imported":
        return 'Imported. No changes are pending; the list was not checked, because prove is not "all".'
    if not record.outcomes.changes:
        target = Queue.parse(record.queue).target
        return (
            f"No changes: by Ferry's record of the list, the people of the {source} are on it. To compare the record "
            f"with the list in Klaviyo: ferry reconcile {visible(target)}"
        )
    return "Delivered. Klaviyo's list was checked for each change, and no changes are pending."


def is_planned(state: str, ends: Outcomes | None) -> bool:
    """Return whether the counts say what would happen, because no change was queued."""
    return state in ("held", "superseded", "failed") and not (ends and ends.changes)


def would(counts: Counts, state: str) -> str:
    """Return what a snapshot that carried nothing out would change, or would have; empty for nothing."""
    if not (counts.adds or counts.updates or counts.removals):
        return ""
    words = ("add", "update", "remove") if state == "held" else ("have added", "updated", "removed")
    figures = zip(words, (counts.adds, counts.updates, counts.removals), strict=True)
    added, updated, removed = (f"{word} {number(figure)}" for word, figure in figures)
    return f"would {added}, {updated} and {removed}"


def columns_view(
    columns: Iterable[ColumnUse], left_out: Mapping[str, Mapping[str, int]], encoding: str
) -> Iterator[RenderableType]:
    """Yield what each column becomes, and which fields of how many rows are left out and why."""
    made = table("Column", "Becomes", "Sent")
    for each in columns:
        made.add_row(visible(each.column), visible(each.becomes), each.not_sent or "yes")
    if made.row_count:
        yield made
    if encoding.endswith("(recognised)"):
        yield Text(f"The file is read as {encoding}. If names look wrong, name the encoding: --encoding NAME.")
    for sentence in fields_left_out(left_out):
        yield Text(f"{sentence}; the people are sent without it.")
    yield Text("")


def fields_left_out(left_out: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Yield which field is left out of how many rows, and why."""
    for field, reasons in left_out.items():
        for reason, rows in reasons.items():
            yield f"Left out of {plural(rows, 'row')}: {visible(field)} ({reason}{_REMEDIES.get(reason, '')})"


def remarks(record: Record) -> Iterator[str]:
    """Yield what the counts do not say: how the list differed, and what became of the changes so far."""
    ends = record.outcomes
    if record.order.compares:
        yield _difference(record)
    if record.counts:
        yield from _of_counts(record.counts, record)
    if ends.pending:
        yield f"{plural(ends.pending, 'change')} not settled yet"
    if ends.dead:
        yield f"{plural(ends.dead, 'dead letter')} ({', '.join(sorted(ends.reasons))})"
    if ends.superseded:
        yield f"{plural(ends.superseded, 'change')} superseded"
    if ends.imported:
        yield f"{plural(ends.imported, 'change')} imported, but the list was not checked"
    if ends.not_found:
        yield f"{plural(ends.not_found, 'person', 'people')} to remove not found on the list"


def _of_counts(counts: Counts, record: Record) -> Iterator[str]:
    if is_planned(record.state, record.outcomes) and (planned := would(counts, record.state)):
        yield planned
    if counts.leaving:
        yield f"would remove {number(counts.leaving)} more"
    if kept := counts.kept - counts.leaving:
        yield f"{plural(kept, 'member')} kept, {_KEPT}"


def _difference(record: Record) -> str:
    extra, missing = (record.drift.get(name, 0) for name in ("on_the_list_only", "in_the_ledger_only"))
    if not record.drift:
        return "comparison of the list with Ferry's ledger"
    if not (extra or missing):
        return "comparison: the list has the people whom Ferry put there"
    return f"comparison: {plural(extra, 'person', 'people')} on the list only, {number(missing)} missing from it"


def counts_table(counts: Counts, examples: Mapping[str, Sequence[int]], *, planned: bool = False) -> Table:
    """Return a table of the people read, rejected and changed. `examples`: reason -> numbers of rows.

    `planned`: nothing of it was carried out.
    """
    made = table("", "People", "", right=("People",))
    for name, count, remark in lines(counts, examples, planned=planned):
        made.add_row(name, number(count), remark)
    return made


def lines(
    counts: Counts, examples: Mapping[str, Sequence[int]], *, planned: bool = False
) -> Iterator[tuple[str, int, str]]:
    """Yield the lines of the table: the name, the number of people, a remark. `planned`: nothing was carried out."""
    added, updated, removed = ("Would add", "Would update", "Would remove") if planned else _DONE
    yield "Customers", counts.customers, f"in {plural(counts.rows, 'row')}"
    if counts.expansion:
        yield "Expansion", counts.expansion, "beyond one for each customer"
    if counts.duplicates:
        yield "Duplicates", counts.duplicates, "rows of people with a later row"
    for reason, rejected in sorted(counts.shrink.items(), key=lambda pair: (-pair[1], pair[0])):
        yield "Rejected", rejected, reason + _rows(examples.get(reason, ()))
    yield "To be on the list", counts.people, f"{number(counts.held)} before"
    yield added, counts.adds, ""
    yield updated, counts.updates, "on the list, with other attributes"
    yield removed, counts.removals, ""
    if counts.leaving:
        yield "Would remove", counts.leaving, "besides: known since the others have joined"
    yield "Unchanged", counts.unchanged, ""
    if kept := counts.kept - counts.leaving:
        yield "Kept", kept, _KEPT
    if counts.newer:
        yield "Left alone", counts.newer, "a single change is newer"


def _rows(numbers: Sequence[int]) -> str:
    return f" (row{'s' if len(numbers) > 1 else ''} {', '.join(map(number, numbers))})" if numbers else ""
