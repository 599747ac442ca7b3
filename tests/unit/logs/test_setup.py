from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from configuration.errors import SettingsError
from logs import log_ids, setup
from logs.lines import JsonLine, OneLine
from tests.support.hostile import HOSTILE, STEERS


def record(message: str, *args: object, name: str = "worker.deliver", level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 1, message, args, None)


def failed(entry: logging.LogRecord) -> logging.LogRecord:
    try:
        int("ann@example.com")
    except ValueError:
        entry.exc_info = sys.exc_info()
    return entry


def formatted(entry: logging.LogRecord) -> str:
    return OneLine().format(entry)


def parsed(entry: logging.LogRecord) -> dict[str, Any]:
    line = JsonLine("worker").format(entry)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """The root logger, put back as it was."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    for name in ("FERRY_LOG_LEVEL", "FERRY_LOG_FORMAT", "SENTRY_DSN"):
        monkeypatch.delenv(name, raising=False)
    yield logger
    logging.captureWarnings(capture=False)
    logger.handlers[:] = handlers
    logger.setLevel(level)


def test_a_line_has_utc_time_level_logger_and_message() -> None:
    entry = record("batch %s: settled", "07-ab")
    entry.created, entry.msecs = 1_767_225_599.042, 42.0
    assert formatted(entry) == "2025-12-31T23:59:59.042Z INFO worker.deliver: batch 07-ab: settled"


def test_a_message_of_several_lines_stays_on_one() -> None:
    assert formatted(record("a\r\nb\nc")).endswith(": a | b | c")


def test_an_exception_is_told_by_type_and_place_and_never_by_its_text() -> None:
    line = formatted(failed(record("mapping failed", level=logging.ERROR)))
    assert re.search(r"mapping failed \| ValueError < .*test_setup\.py:\d+ failed", line)
    assert "ann@" not in line
    assert "\n" not in line


def test_a_line_names_the_ids_under_way_that_its_message_does_not() -> None:
    with log_ids.bound(batch="07-ab", request="0123456789abcdef"):
        line = formatted(record("batch %s: settled", "07-ab"))
    assert line.endswith("batch 07-ab: settled (request=0123456789abcdef)")


def test_a_line_of_json_has_its_time_process_ids_and_fields() -> None:
    entry = record("batch %s: settled", "07-ab")
    entry.created, entry.msecs = 1_767_225_599.042, 42.0
    entry.fields = {"stage": "settled", "delivered": 3}
    with log_ids.bound(batch="07-ab", queue="default/audience/42"):
        assert parsed(entry) == {
            "time": "2025-12-31T23:59:59.042Z",
            "level": "INFO",
            "process": "worker",
            "logger": "worker.deliver",
            "message": "batch 07-ab: settled",
            "batch": "07-ab",
            "queue": "default/audience/42",
            "stage": "settled",
            "delivered": 3,
        }


def test_json_tells_an_exception_by_type_and_place_and_never_by_its_text() -> None:
    entry = parsed(failed(record("mapping failed", level=logging.ERROR)))
    assert re.match(r"ValueError < .*test_setup\.py:\d+ failed", entry["exception"])
    assert "ann@" not in repr(entry)


def test_json_leaves_out_what_libraries_hang_on_their_records() -> None:
    entry = record("job failed", name="rq.worker", level=logging.ERROR)
    vars(entry).update(arguments=["ann@example.com"], kwargs={"email": "ann@example.com"}, stack_info="ann@example.com")
    assert parsed(entry).keys() == {"time", "level", "process", "logger", "message"}


def test_json_takes_any_message_there_may_be() -> None:
    assert parsed(record("a\r\nb %s", "\u2028é\x00"))["message"] == "a\r\nb \u2028é\x00"


@pytest.mark.parametrize("line", [formatted, lambda entry: JsonLine("web").format(entry)], ids=["text", "json"])
def test_of_an_exception_that_asyncio_found_forgotten_the_words_stay_out(line: Any) -> None:
    said = "Task exception was never retrieved\nfuture: <Task finished exception=ValueError('ann@example.com')>"
    told = line(failed(record(said, name="asyncio", level=logging.ERROR)))
    assert "Task exception was never retrieved" in told
    assert "ann@" not in told


@pytest.mark.parametrize(
    ("name", "level", "kept"),
    [
        ("worker.deliver", logging.DEBUG, True),
        ("apscheduler.executors.default", logging.INFO, False),
        ("apscheduler.scheduler", logging.WARNING, True),
        ("rq.worker", logging.WARNING, False),
        ("rq.worker", logging.ERROR, True),
        ("rqueue", logging.INFO, True),
    ],
)
def test_the_small_talk_of_libraries_is_left_out(name: str, level: int, kept: bool) -> None:
    assert setup.is_worth_a_line(record("x", name=name, level=level)) is kept


def test_an_unknown_level_is_refused_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERRY_LOG_LEVEL", "LOUD")
    with pytest.raises(SettingsError, match=r"FERRY_LOG_LEVEL: not a level\. Use one of DEBUG, INFO, WARNING, ERROR"):
        setup.configure("web")


def test_an_unknown_format_is_refused_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERRY_LOG_FORMAT", "xml")
    with pytest.raises(SettingsError, match=r"FERRY_LOG_FORMAT: not a format\. Use one of auto, json, text"):
        setup.configure("web")


def test_a_dsn_that_is_none_is_refused_without_being_repeated(
    monkeypatch: pytest.MonkeyPatch, root: logging.Logger
) -> None:
    monkeypatch.setenv("SENTRY_DSN", "the-secret-of-somebody")
    with pytest.raises(SettingsError, match="SENTRY_DSN: not a valid DSN") as refused:
        setup.configure("web")
    assert "somebody" not in str(refused.value)


@pytest.mark.parametrize(
    ("form", "terminal", "kind"),
    [
        (None, True, OneLine),
        (None, False, JsonLine),
        ("auto", True, OneLine),
        ("text", False, OneLine),
        ("TEXT", False, OneLine),
        ("json", True, JsonLine),
    ],
)
def test_lines_are_for_people_on_a_terminal_and_for_programs_elsewhere(
    monkeypatch: pytest.MonkeyPatch, root: logging.Logger, form: str | None, terminal: bool, kind: type
) -> None:
    if form:
        monkeypatch.setenv("FERRY_LOG_FORMAT", form)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    setup.configure("web")
    (handler,) = root.handlers
    assert type(handler.formatter) is kind


def test_a_line_steers_no_terminal_whatever_it_says() -> None:
    entry = record("audience %s", HOSTILE)
    with log_ids.bound(batch=HOSTILE):
        line = formatted(entry)
    assert not STEERS.search(line)
    assert r"VIP\x1b[2J" in line
    assert "\n" not in line


def test_a_line_of_json_steers_no_terminal_and_says_exactly_what_was_logged() -> None:
    entry = record("audience %s", HOSTILE)
    entry.fields = {"name": HOSTILE}
    line = JsonLine("worker").format(entry)
    assert not STEERS.search(line)
    told = json.loads(line)
    assert (told["message"], told["name"]) == (f"audience {HOSTILE}", HOSTILE)
