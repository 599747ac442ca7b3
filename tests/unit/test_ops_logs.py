from __future__ import annotations

import logging
import re
import sys

import pytest

from ops import logs
from ops.errors import Misconfigured


def record(message: str, *args: object, name: str = "worker.deliver", level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 1, message, args, None)


def formatted(entry: logging.LogRecord) -> str:
    return logs.OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s").format(entry)


def test_a_line_has_utc_time_level_logger_and_message() -> None:
    entry = record("batch %s: settled", "07-ab")
    entry.created, entry.msecs = 1_767_225_599.042, 42.0
    assert formatted(entry) == "2025-12-31T23:59:59.042Z INFO worker.deliver: batch 07-ab: settled"


def test_a_message_of_several_lines_stays_on_one() -> None:
    assert formatted(record("a\r\nb\nc")).endswith(": a | b | c")


def test_an_exception_is_told_by_type_and_place_and_never_by_its_text() -> None:
    entry = record("mapping failed", level=logging.ERROR)
    try:
        int("ann@example.com")
    except ValueError:
        entry.exc_info = sys.exc_info()
    line = formatted(entry)
    assert re.search(r"mapping failed \| ValueError < .*test_ops_logs\.py:\d+ test_an_exception", line)
    assert "ann@" not in line
    assert "\n" not in line


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
    assert logs.is_worth_a_line(record("x", name=name, level=level)) is kept


def test_an_unknown_level_is_refused_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERRY_LOG_LEVEL", "LOUD")
    with pytest.raises(Misconfigured, match=r"FERRY_LOG_LEVEL: not a level\. Use one of DEBUG, INFO, WARNING, ERROR"):
        logs.configure()
