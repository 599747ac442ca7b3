"""How the processes log: one line per event on stderr, with UTC time, level, logger and message."""

from __future__ import annotations

import logging
import os
import traceback
from datetime import UTC, datetime
from types import TracebackType

from ops.errors import Misconfigured

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
#: Libraries that talk about their own business, and the least that is worth a line: RQ warns of every stop.
_LIBRARIES = {
    "apscheduler": logging.WARNING,
    "uvicorn": logging.WARNING,
    "asyncio": logging.WARNING,
    "rq": logging.ERROR,
}

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class OneLine(logging.Formatter):
    """`2026-01-31T23:59:59.123Z INFO scheduler.tick: message`; of an exception its type and where it passed.

    Not its text: that may quote a person's data, and logs are kept by others than those who may see it.
    """

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  # logging's name
        """UTC with milliseconds, whatever the machine's time zone."""
        moment = datetime.fromtimestamp(record.created, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03d}Z"

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802  # logging's name
        """The frames, innermost last."""
        kind, _, trace = ei
        frames = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)]
        return " < ".join([kind.__name__ if kind else "no exception", *reversed(frames)])

    def format(self, record: logging.LogRecord) -> str:
        """Everything on one line."""
        return super().format(record).replace("\r", "").replace("\n", " | ")


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """Whether a record is not a library's small talk. Not by loggers' levels: RQ and uvicorn set these themselves."""
    return record.levelno >= _LIBRARIES.get(record.name.partition(".")[0], 0)


def configure() -> None:
    """Log at FERRY_LOG_LEVEL (default INFO). Raises Misconfigured for a level there is not."""
    level = (os.environ.get("FERRY_LOG_LEVEL") or "INFO").upper()
    if level not in LEVELS:
        raise Misconfigured(f"FERRY_LOG_LEVEL: not a level. Use one of {', '.join(LEVELS)}.")
    handler = logging.StreamHandler()
    handler.addFilter(is_worth_a_line)
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
