from __future__ import annotations

import click
import pytest

from ops.targets import find_queue, find_queue_or_connection
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
    with pytest.raises(click.UsageError, match="'events' fits 2 queues"):
        find_queue("events", [counted(name="Events"), counted(events, "")])


def test_an_audience_id_of_two_queues_asks_for_the_queue_id() -> None:
    with pytest.raises(click.UsageError) as fault:
        find_queue("42", COUNTS)
    assert fault.value.message == (
        "'42' fits 2 queues; name one by its id:\n  default/audience/42\n  brand-b/audience/42"
    )


@pytest.mark.parametrize(
    ("given", "near"), [("lapsed", "Lapsed customers"), ("VIPPs", "VIPs"), ("audience/43", str(LAPSED))]
)
def test_an_unknown_queue_is_answered_with_those_near_it(given: str, near: str) -> None:
    with pytest.raises(click.UsageError, match="there is no queue") as fault:
        find_queue(given, COUNTS)
    assert f"\n  {near}" in fault.value.message


def test_nothing_near_points_to_the_status() -> None:
    with pytest.raises(click.UsageError, match=r"there is no queue 'zzz'\. See `ferry status`"):
        find_queue("zzz", COUNTS)


def test_a_connection_is_meant_by_its_exact_name_configured_or_seen() -> None:
    assert find_queue_or_connection("brand-b", COUNTS, []) == "brand-b"
    assert find_queue_or_connection("brand-c", COUNTS, ["brand-c"]) == "brand-c"
    assert find_queue_or_connection("Others", COUNTS, ["default"]) == OTHER


def test_a_name_that_is_both_connection_and_audience_is_not_guessed() -> None:
    counts = [*COUNTS, counted(Queue("default", "audience", "9"), "brand-b")]
    with pytest.raises(click.UsageError, match="a connection and an audience"):
        find_queue_or_connection("brand-b", counts, [])
