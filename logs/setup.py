"""Sets up logging: one line per event on stderr, as text or JSON, and errors also to Sentry."""

from __future__ import annotations

import logging
import os
import sys

from configuration.errors import SettingsError
from logs.lines import JsonLine, OneLine

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
FORMATS = ("auto", "json", "text")
#: Libraries that log their own operation, and the lowest level worth a line. RQ warns of every stop.
_LIBRARIES = {
    "apscheduler": logging.WARNING,
    "uvicorn": logging.WARNING,
    "asyncio": logging.WARNING,
    "rq": logging.ERROR,
}


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """Return whether a record is worth a line. Loggers' levels cannot do this: RQ and uvicorn set them themselves."""
    return record.levelno >= _LIBRARIES.get(record.name.partition(".")[0], 0)


def configure(process: str) -> None:
    """Log as FERRY_LOG_LEVEL (INFO), FERRY_LOG_FORMAT (auto: text on a terminal, else JSON) and SENTRY_DSN say.

    `process`: web, scheduler, worker and so on. Raises SettingsError for an unknown value.
    """
    level = _chosen("FERRY_LOG_LEVEL", "level", LEVELS, "INFO")
    handlers = [_stream(process, _chosen("FERRY_LOG_FORMAT", "format", FORMATS, "auto"))]
    if dsn := os.environ.get("SENTRY_DSN"):
        handlers.append(_sentry(dsn, process))
    for handler in handlers:
        handler.addFilter(is_worth_a_line)
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=True)


def _chosen(name: str, what: str, known: tuple[str, ...], default: str) -> str:
    """Return the chosen value of `known`, ignoring case."""
    given = (os.environ.get(name) or default).upper()
    for each in known:
        if each.upper() == given:
            return each
    raise SettingsError(f"{name}: not a {what}. Use one of {', '.join(known)}.")


def _stream(process: str, form: str) -> logging.Handler:
    handler = logging.StreamHandler()
    text = form == "text" or (form == "auto" and sys.stderr.isatty())
    handler.setFormatter(OneLine() if text else JsonLine(process))
    return handler


def _sentry(dsn: str, process: str) -> logging.Handler:
    # Imported only if Sentry is used: it takes a tenth of a second and 8 MB.
    from logs.sentry import SentryHandler

    return SentryHandler(dsn, process)
