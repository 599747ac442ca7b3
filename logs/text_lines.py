"""Log lines for people: UTC time, level, logger, message, and the current ids that the message lacks."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from types import TracebackType

from logs import log_ids
from text.escaping import visible

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def moment(record: logging.LogRecord) -> str:
    """Return the time of a record: ISO 8601 in UTC with milliseconds, whatever the machine's time zone."""
    at = datetime.fromtimestamp(record.created, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03d}Z"


def message(record: logging.LogRecord) -> str:
    """Return the message; only the first line of asyncio's, whose other lines repeat the text of an exception."""
    text = record.getMessage()
    return text.partition("\n")[0] if record.name == "asyncio" else text


def frames(exception: ExcInfo) -> str:
    """Return an exception's type and the places it passed, innermost first.

    Its text is left out: it may quote a person's data, which not everyone who can read the logs may see.
    """
    kind, _, trace = exception
    places = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)]
    return " < ".join([kind.__name__ if kind else "no exception", *reversed(places)])


class OneLine(logging.Formatter):
    """A line such as `2026-01-31T23:59:59.123Z INFO scheduler.tick: message (request=...)`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return everything on one line, with control characters escaped."""
        text = message(record)
        more = " ".join(f"{name}={value}" for name, value in log_ids.current().items() if value not in text)
        line = f"{moment(record)} {record.levelname} {record.name}: {text}{f' ({more})' if more else ''}"
        if record.exc_info:
            line += f" | {frames(record.exc_info)}"
        return visible(line.replace("\r", "").replace("\n", " | "))
