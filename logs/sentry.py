"""Sends errors to Sentry, with nothing in them that a log line would not show."""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Any, Final

import sentry_sdk
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import EventHandler
from sentry_sdk.types import Event, Hint
from sentry_sdk.utils import BadDsn

from configuration.errors import SettingsError
from logs import log_ids
from logs.lines import OneLine, message
from text.escaping import visible

#: Seconds that an ending process waits for its events to be sent.
PATIENCE_S: Final = 2.0
#: The parts of an event that are kept. Anything that may hold a person's data or a secret is dropped: the request,
#: breadcrumbs, arguments of the process, variables, the text of an exception.
_KEPT: Final = ("event_id", "timestamp", "level", "logger", "platform", "release", "environment", "sdk", "tags")
_OF_EXCEPTIONS: Final = ("type", "module", "mechanism")
_OF_FRAMES: Final = ("filename", "abs_path", "function", "module", "lineno", "in_app")


class SentryHandler(EventHandler):
    """Sends every line of level ERROR to Sentry, and an exception that ends the process."""

    def __init__(self, dsn: str, process: str) -> None:
        """Set up Sentry. `process`: kept as a tag. Raises SettingsError for an invalid DSN."""
        super().__init__(logging.ERROR)
        # Sentry's handler formats a record first, and the default format leaves the exception's text in it.
        self.setFormatter(OneLine())
        self._unsent = False
        try:
            sentry_sdk.init(
                dsn,
                release=version("ferry-klaviyo"),
                # No default integrations: they record the data of requests and Redis commands, such as addresses.
                default_integrations=False,
                auto_enabling_integrations=False,
                integrations=[AtexitIntegration(_in_silence), ExcepthookIntegration()],
                max_request_body_size="never",
                include_local_variables=False,
                include_source_context=False,
                max_breadcrumbs=0,
                auto_session_tracking=False,
                send_client_reports=False,
                shutdown_timeout=PATIENCE_S,
                before_send=bare,
            )
        except BadDsn:
            raise SettingsError("SENTRY_DSN: not a valid DSN. Example: SENTRY_DSN=https://key@host/1") from None
        sentry_sdk.get_global_scope().set_tag("process", process)

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the line; a thread sends it."""
        self._unsent = True
        super().emit(record)

    def flush(self) -> None:
        """Wait up to PATIENCE_S until everything is sent; a delivery's process ends without an exit handler."""
        if self._unsent:
            self._unsent = False
            sentry_sdk.flush(PATIENCE_S)


def bare(event: Event, hint: Hint) -> Event:
    """Reduce an event to the fields in `_KEPT`, the current ids, the line, and the type and places of exceptions."""
    whole: dict[str, Any] = dict(event)
    found = _only(_KEPT, whole)
    found["tags"] = {**dict(found.get("tags") or {}), **log_ids.current()}
    if record := hint.get("log_record"):
        # A library may log several lines, with a traceback that contains the text of an exception.
        first = visible(message(record).partition("\n")[0])
        found["logentry"] = {"message": str(record.msg).partition("\n")[0], "formatted": first}
    if exceptions := (whole.get("exception") or {}).get("values"):
        found["exception"] = {"values": [_exception(each) for each in exceptions]}
    kept: Event = found  # type: ignore[assignment]
    return kept


def _exception(whole: dict[str, Any]) -> dict[str, Any]:
    places = (whole.get("stacktrace") or {}).get("frames") or ()
    return {**_only(_OF_EXCEPTIONS, whole), "stacktrace": {"frames": [_only(_OF_FRAMES, frame) for frame in places]}}


def _only(names: tuple[str, ...], whole: dict[str, Any]) -> dict[str, Any]:
    return {name: whole[name] for name in names if name in whole}


def _in_silence(_pending: int, _timeout: float) -> None:
    """Replace the callback of Sentry's library that prints a message when a process ends."""
