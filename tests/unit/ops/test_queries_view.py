"""Runs of queries as tables for people."""

from __future__ import annotations

from rich.console import Console

from ops.queries.documents import RunDocument
from ops.queries.view import runs_view
from queues.queries.records import QueryRun
from queues.snapshots.records import Outcomes, Record, SnapshotOrder


def test_a_run_that_the_guard_holds_is_listed_with_what_to_do() -> None:
    held = Record("default/snapshot/vips", SnapshotOrder("04-1", 0, "ndjson"), 0, 0, state="held")
    run = QueryRun("vips-1", "vips", "submitted", "cli:ann", 0, snapshot="04-1")
    shown = Console(width=300, color_system=None)
    with shown.capture() as said:
        shown.print(runs_view([RunDocument.of(run, held)], 1_000))
    assert "vips-1 held: The guard holds it, and the list was not touched." in said.get()
    assert "If the result is right: ferry queries run vips --confirm." in said.get()


def test_a_run_that_is_held_after_its_people_joined_is_not_said_to_have_left_the_list_alone() -> None:
    held = Record("default/snapshot/vips", SnapshotOrder("04-1", 0, "ndjson"), 0, 0, state="held")
    held.outcomes = Outcomes(changes=3)
    run = QueryRun("vips-1", "vips", "submitted", "cli:ann", 0, snapshot="04-1")
    shown = Console(width=300, color_system=None)
    with shown.capture() as said:
        shown.print(runs_view([RunDocument.of(run, held)], 1_000))
    assert "The guard holds it: its people joined, and nobody else leaves the list. If the result" in said.get()
