"""Lines for people: UTC time, level, logger, message, and what the ids under way add to it."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from types import TracebackType

from logs import log_ids
from text.escaping import visible

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def moment(record: logging.LogRecord) -> str:
    """When it was logged: ISO 8601 in UTC with milliseconds, whatever the machine's time zone."""
    at = datetime.fromtimestamp(record.created, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03d}Z"


def message(record: logging.LogRecord) -> str:
    """What is said. Of asyncio the first line: it repeats a forgotten exception in the others, words included."""
    text = record.getMessage()
    return text.partition("\n")[0] if record.name == "asyncio" else text


def frames(exception: ExcInfo) -> str:
    """An exception's type and where it passed, innermost first.

    Not its words: they may quote a person's data, and logs are kept by others than those who may see it.
    """
    kind, _, trace = exception
    places = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)]
    return " < ".join([kind.__name__ if kind else "no exception", *reversed(places)])


class OneLine(logging.Formatter):
    """`2026-01-31T23:59:59.123Z INFO scheduler.tick: message (request=...)`."""

    def format(self, record: logging.LogRecord) -> str:
        """Everything on one line, with what would steer a terminal written out."""
        said = message(record)
        more = " ".join(f"{name}={value}" for name, value in log_ids.current().items() if value not in said)
        line = f"{moment(record)} {record.levelname} {record.name}: {said}{f' ({more})' if more else ''}"
        if record.exc_info:
            line += f" | {frames(record.exc_info)}"
        return visible(line.replace("\r", "").replace("\n", " | "))
