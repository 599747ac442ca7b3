"""Log lines: for people, and as JSON objects for programs.

A line has the time in UTC, the level, the logger, the message, and the current ids.
"""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from pythonjsonlogger.orjson import OrjsonFormatter

from logs import log_ids
from text.escaping import visible, visible_json

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


class JsonLine(OrjsonFormatter):
    """A line with `time`, `level`, `process`, `logger`, `message`, the current ids, and the `fields` of the record.

    `extra={"fields": {...}}` adds fields to a line. Other attributes of a record are not written, because libraries
    put their arguments there. An exception is written as in text lines.
    """

    def __init__(self, process: str) -> None:
        """Create the formatter. `process`: web, scheduler, worker and so on."""
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON with control characters escaped."""
        return visible_json(super().format(record))

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Fill `log_data`, which the library passes empty."""
        log_data.update(
            time=moment(record),
            level=record.levelname,
            process=self._process,
            logger=record.name,
            message=message(record),
            **{**log_ids.current(), **getattr(record, "fields", {})},
        )
        if message_dict.get("exc_info"):
            log_data["exception"] = message_dict["exc_info"]

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802  # logging's name
        """Return the type and the places of an exception."""
        return frames(ei)
