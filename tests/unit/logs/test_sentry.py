from __future__ import annotations

import logging
import sys
from typing import Any, cast

from sentry_sdk.utils import event_from_exception

from logs import log_ids
from logs.sentry import bare
from tests.support import canaries as c


def spoilt() -> dict[str, Any]:
    """An event as Sentry's library makes it of an exception, with a mark wherever one could stand."""
    try:
        int(c.ANN)
    except ValueError:
        event, _ = event_from_exception(sys.exc_info(), client_options=None)
    whole: dict[str, Any] = {
        **event,
        "event_id": "0" * 32,
        "level": "error",
        "logger": "worker.deliver",
        "tags": {"process": "worker"},
        "logentry": {"message": c.ANN, "formatted": c.ANN, "params": [c.ANN]},
    }
    for name in ("request", "user", "extra", "breadcrumbs", "contexts", "modules", "server_name", "transaction"):
        whole[name] = {c.ANN: c.ANN}
    for exception in whole["exception"]["values"]:
        for frame in exception["stacktrace"]["frames"]:
            frame |= {"vars": {"person": c.ANN}, "context_line": c.ANN, "pre_context": [c.ANN]}
    return whole


def told(event: dict[str, Any], record: logging.LogRecord | None = None) -> dict[str, Any]:
    return cast("dict[str, Any]", bare(cast("Any", event), {"log_record": record} if record else {}))


def line(message: str, *args: object, name: str = "worker.deliver") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, message, args, None)


def test_of_exceptions_types_and_places_are_told_and_nothing_else() -> None:
    assert c.marks(repr(spoilt()))
    event = told(spoilt())
    assert c.marks(repr(event)) == set()
    assert [each["type"] for each in event["exception"]["values"]] == ["ValueError"]
    assert {frame["function"] for each in event["exception"]["values"] for frame in each["stacktrace"]["frames"]} == {
        "spoilt"
    }


def test_a_line_is_told_as_it_is_logged_and_grouped_by_its_form() -> None:
    event = told({"level": "error"}, line("batch %s: %d gone", "07-ab", 3))
    assert event["logentry"] == {"message": "batch %s: %d gone", "formatted": "batch 07-ab: 3 gone"}


def test_of_a_line_that_shows_a_traceback_the_first_one_is_told() -> None:
    event = told(
        {"level": "error"}, line("job %s failed\n%s", "j1", f"Traceback\nValueError: {c.ANN}", name="rq.worker")
    )
    assert event["logentry"] == {"message": "job %s failed", "formatted": "job j1 failed"}


def test_the_ids_under_way_are_tags_beside_the_process() -> None:
    with log_ids.bound(batch="07-ab", queue="default/audience/42"):
        event = told({"tags": {"process": "worker"}})
    assert event["tags"] == {"process": "worker", "batch": "07-ab", "queue": "default/audience/42"}
