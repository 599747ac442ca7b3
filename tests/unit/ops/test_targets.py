from __future__ import annotations

import click
import pytest

from ops.targets import find_audience, find_held, find_queue, find_queue_or_connection, new_audience
from queues.counts import QueueCount
from queues.holds import Hold
from queues.names import Queue
from tests.support.ops import LAPSED, VIPS, counted

OTHER = Queue("brand-b", "audience", "42")
COUNTS = [counted(), counted(LAPSED, "Lapsed customers"), counted(OTHER, "Others")]


@pytest.mark.parametrize("given", ["default/audience/42", "VIPs", "vips"])
def test_a_queue_is_found_by_its_id_and_by_its_name_in_any_case(given: str) -> None:
    assert find_queue(given, COUNTS) == VIPS


def test_a_queue_is_found_by_the_audience_id_that_only_it_has() -> None:
    assert find_queue("43", COUNTS) == LAPSED


@pytest.mark.parametrize("given", ["events", "default/event/events"])
def test_a_queue_of_no_audience_is_found_by_what_it_holds(given: str) -> None:
    events = Queue("default", "event", "events")
    assert find_queue(given, [*COUNTS, counted(events, "")]) == events


def test_what_two_queues_are_called_by_id_or_name_is_not_guessed() -> None:
    events = Queue("default", "event", "events")
    with pytest.raises(click.UsageError, match="'events' matches 2 queues"):
        find_queue("events", [counted(name="Events"), counted(events, "")])


def test_an_audience_id_of_two_queues_asks_for_the_queue_id() -> None:
    with pytest.raises(click.UsageError) as fault:
        find_queue("42", COUNTS)
    assert fault.value.message == (
        "'42' matches 2 queues; name one by its id:\n  default/audience/42\n  brand-b/audience/42"
    )


@pytest.mark.parametrize(
    ("given", "near"), [("lapsed", "Lapsed customers"), ("VIPPs", "VIPs"), ("audience/43", str(LAPSED))]
)
def test_an_unknown_queue_is_answered_with_those_near_it(given: str, near: str) -> None:
    with pytest.raises(click.UsageError, match="there is no queue") as fault:
        find_queue(given, COUNTS)
    assert f"\n  {near}" in fault.value.message


def test_nothing_near_points_to_the_status() -> None:
    with pytest.raises(click.UsageError, match=r"there is no queue 'zzz'\. `ferry status` lists"):
        find_queue("zzz", COUNTS)


def test_a_connection_is_meant_by_its_exact_name_configured_or_seen() -> None:
    assert find_queue_or_connection("brand-b", COUNTS, []) == "brand-b"
    assert find_queue_or_connection("brand-c", COUNTS, ["brand-c"]) == "brand-c"
    assert find_queue_or_connection("Others", COUNTS, ["default"]) == OTHER


def test_a_name_that_is_both_connection_and_audience_is_not_guessed() -> None:
    counts = [*COUNTS, counted(Queue("default", "audience", "9"), "brand-b")]
    with pytest.raises(click.UsageError, match="a connection and an audience"):
        find_queue_or_connection("brand-b", counts, [])


SNAPSHOTS = Queue("default", "snapshot", "42")


def held(queue: Queue, name: str = "VIPs") -> QueueCount:
    return counted(queue, name, hold=Hold("snapshot_guard", 1))


def test_an_audience_and_its_snapshots_are_called_alike_and_the_audience_is_meant() -> None:
    counts = [counted(SNAPSHOTS), *COUNTS[:2]]
    assert find_queue("VIPs", counts) == VIPS
    assert find_queue_or_connection("42", counts, []) == VIPS
    assert find_queue("default/snapshot/42", counts) == SNAPSHOTS


def test_snapshots_without_a_queue_of_their_audience_are_meant_by_its_name() -> None:
    assert find_queue("VIPs", [counted(SNAPSHOTS)]) == SNAPSHOTS


@pytest.mark.parametrize(
    ("counts", "meant"),
    [
        ([held(SNAPSHOTS), counted()], SNAPSHOTS),
        ([counted(SNAPSHOTS), held(VIPS)], VIPS),
        ([held(SNAPSHOTS), held(VIPS)], VIPS),
        ([counted(SNAPSHOTS), counted()], VIPS),
    ],
)
def test_what_is_released_by_a_name_is_what_is_held(counts: list[QueueCount], meant: Queue) -> None:
    held = {count.queue for count in counts if count.hold}
    assert find_held("42", counts, ["default"], held) == meant
    assert find_held("VIPs", counts, ["default"], held) == meant


@pytest.mark.parametrize("given", ["42", "VIPs", "default/snapshot/42", "default/audience/42"])
def test_an_audience_that_had_snapshots_only_is_found(given: str) -> None:
    counts = [counted(SNAPSHOTS), *([counted()] if given == "default/audience/42" else [])]
    assert find_audience(given, counts, None) == VIPS


def test_an_audience_of_two_connections_is_found_by_its_connection() -> None:
    assert find_audience("42", COUNTS, "brand-b") == OTHER
    with pytest.raises(click.UsageError, match="'42' matches 2 queues"):
        find_audience("42", COUNTS, None)


def test_a_queue_of_another_kind_is_no_audience() -> None:
    assert find_audience("events", [counted(Queue("default", "event", "events"), "")], None) is None


def test_a_new_audience_needs_a_name() -> None:
    assert new_audience("44", COUNTS, "default", "New ones") == Queue("default", "audience", "44")
    with pytest.raises(click.UsageError, match=r"Similar names:\n  VIPs\n.*--name"):
        new_audience("VIPPs", COUNTS, "default", None)
