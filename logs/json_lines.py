"""Log lines for programs: one JSON object each."""

from __future__ import annotations

import logging
from typing import Any

from pythonjsonlogger.orjson import OrjsonFormatter

from logs import log_ids
from logs.text_lines import ExcInfo, frames, message, moment
from text.escaping import visible_json


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
