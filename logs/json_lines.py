"""Lines for programs: an object of JSON each."""

from __future__ import annotations

import logging
from typing import Any

from pythonjsonlogger.orjson import OrjsonFormatter

from logs import log_ids
from logs.text_lines import ExcInfo, frames, message, moment
from text.escaping import visible_json


class JsonLine(OrjsonFormatter):
    """`time`, `level`, `process`, `logger`, `message`, the ids under way, and the `fields` a line was given.

    `extra={"fields": {...}}` gives a line fields of its own. Nothing else that a record carries is written, for
    libraries put their arguments there. An exception is told as in lines for people.
    """

    def __init__(self, process: str) -> None:
        """`process`: web, scheduler, worker and so on."""
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON, which steers no terminal that shows it."""
        return visible_json(super().format(record))

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Called by the library with an empty `log_data`, to be filled."""
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
        """Type and places."""
        return frames(ei)
