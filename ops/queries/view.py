"""Queries and runs as tables, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ops.output import table
from ops.queries.documents import QueryDocument, RunDocument
from text.escaping import visible
from text.wording import clock, duration, ms_of, number, plural

_NUMBERS = ("Rows", "Added", "Updated", "Removed", "Rejected")


def queries_view(found: Sequence[QueryDocument], now: int) -> RenderableType:
    """Return a table of queries. `now`: ms."""
    if not found:
        return Text("No queries. Add [sources.<name>] and [queries.<name>] to connections.toml: docs/warehouse.md")
    made = table("Query", "Reads", "Schedule", "Next", "Last run")
    for each in found:
        zone = f" ({each.time_zone})" if each.schedule and each.time_zone != "UTC" else ""
        made.add_row(
            each.query,
            visible(f"{each.reads} of {each.source}"),
            f"{each.schedule}{zone}" if each.schedule else "by hand",
            _next(each, now),
            f"{each.last.state}, {_ago(each.last, now)}" if each.last else "never",
        )
    return Group(made, *(Text(line) for line in _remarks(found)))


def _next(each: QueryDocument, now: int) -> str:
    if each.running:
        return "running"
    if each.paused:
        return "paused"
    return clock(ms_of(each.next[0]), now) if each.next else "-"


def _remarks(found: Sequence[QueryDocument]) -> Iterator[str]:
    """Yield what the table does not say: why a query is paused, and what went wrong last."""
    for each in found:
        if each.paused:
            by = f" by {each.paused_by}" if each.paused_by else ""
            on = f" To go on: ferry queries resume {each.query}" if each.paused_by else ""
            yield f"\n{each.query} is paused{by}: {visible(each.paused)}.{on}"
        if each.last and (remedy := _remedy(each.last)):
            yield f"\n{each.last.run} {each.last.state}: {visible(remedy)}"


def _remedy(run: RunDocument) -> str:
    """Return what happened and what to do; empty if nothing is wrong."""
    if run.state == "held":
        begun = run.outcomes and run.outcomes.changes
        so_far = ": its people joined, and nobody else leaves the list" if begun else ", and the list was not touched"
        return (
            f"The guard holds it{so_far}. If the result is right: "
            f"ferry queries run {run.query} --confirm. If not, the next good run takes its place."
        )
    return run.remedy


def runs_view(found: Sequence[RunDocument], now: int) -> RenderableType:
    """Return a table of runs, newest first. `now`: ms."""
    if not found:
        return Text("No runs.")
    made = table("Run", "State", *_NUMBERS, right=_NUMBERS)
    for each in found:
        counts = each.counts
        changes = (counts.adds, counts.updates, counts.removals) if counts and not each.would else (None,) * 3
        figures = (each.rows, *changes, counts.rejected if counts else None)
        cells = ("-" if figure is None else number(figure) for figure in figures)
        made.add_row(_two(_ago(each, now), each.run), _two(each.state, visible(each.by)), *cells)
    told = ((each, ". ".join(filter(None, (each.would, visible(_remedy(each)))))) for each in found)
    lines = (f"\n{each.run} {each.state}: {said}" for each, said in told if said)
    return Group(made, *(Text(line) for line in lines))


def _two(first: str, second: str) -> Text:
    return Text.assemble(first, ("\n" + second, "dim"))


def _ago(each: RunDocument, now: int) -> str:
    return f"{duration(now - ms_of(each.asked))} ago"


def run_lines(each: RunDocument) -> Iterator[str]:
    """Yield what happened in one run, in sentences."""
    if each.rows is not None:
        yield f"{plural(each.rows, 'row')} read in {each.seconds or 0:.1f} s."
    if each.sql_changed:
        yield "The SQL is another than that of the last good run."
    for what, names in (("New", each.new_columns), ("Gone", each.gone_columns)):
        if names:
            yield f"{what} since the last good run: {visible(', '.join(names))}."


def left_out_lines(each: RunDocument) -> Iterator[str]:
    """Yield which cells of the result were left out, and why."""
    for column, reasons in each.left_out.items():
        for reason, cells in reasons.items():
            yield f"Left out of {plural(cells, 'row')}: {visible(column)} ({reason})."
