"""Errors as events for Sentry, with nothing in them that a log line would not show."""

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
from logs.text_lines import OneLine, message
from text.escaping import visible

#: Seconds a process that ends waits for what it has to tell.
PATIENCE_S: Final = 2.0
#: What is kept of an event. Not what may hold a person's data or a secret: the request, breadcrumbs, arguments of the
#: process, variables, an exception's words.
_KEPT: Final = ("event_id", "timestamp", "level", "logger", "platform", "release", "environment", "sdk", "tags")
_OF_EXCEPTIONS: Final = ("type", "module", "mechanism")
_OF_FRAMES: Final = ("filename", "abs_path", "function", "module", "lineno", "in_app")


class SentryHandler(EventHandler):
    """Tells Sentry of every line of level ERROR, and of an exception that ends the process."""

    def __init__(self, dsn: str, process: str) -> None:
        """`process`: kept as a tag. Raises SettingsError for a DSN that is none."""
        super().__init__(logging.ERROR)
        # Sentry's handler formats a record first, which usually leaves an exception's words in it for later handlers.
        self.setFormatter(OneLine())
        self._told = False
        try:
            sentry_sdk.init(
                dsn,
                release=version("ferry-klaviyo"),
                # None of its own: they note what requests and commands of Redis carry, addresses for one.
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
            raise SettingsError("SENTRY_DSN: not one of Sentry's. Example: SENTRY_DSN=https://key@host/1") from None
        sentry_sdk.get_global_scope().set_tag("process", process)

    def emit(self, record: logging.LogRecord) -> None:
        """Note the line; a thread sends it."""
        self._told = True
        super().emit(record)

    def flush(self) -> None:
        """Wait until everything is sent, PATIENCE_S at most; a delivery does, whose process ends without any exit."""
        if self._told:
            self._told = False
            sentry_sdk.flush(PATIENCE_S)


def bare(event: Event, hint: Hint) -> Event:
    """The event with what `_KEPT` names, the ids under way, the line, and of exceptions type and places only."""
    whole: dict[str, Any] = dict(event)
    found = _only(_KEPT, whole)
    found["tags"] = {**dict(found.get("tags") or {}), **log_ids.current()}
    if record := hint.get("log_record"):
        # Several lines are a library's, which shows a traceback with an exception's words.
        first = visible(message(record).partition("\n")[0])
        found["logentry"] = {"message": str(record.msg).partition("\n")[0], "formatted": first}
    if exceptions := (whole.get("exception") or {}).get("values"):
        found["exception"] = {"values": [_exception(each) for each in exceptions]}
    told: Event = found  # type: ignore[assignment]
    return told


def _exception(whole: dict[str, Any]) -> dict[str, Any]:
    places = (whole.get("stacktrace") or {}).get("frames") or ()
    return {**_only(_OF_EXCEPTIONS, whole), "stacktrace": {"frames": [_only(_OF_FRAMES, frame) for frame in places]}}


def _only(names: tuple[str, ...], whole: dict[str, Any]) -> dict[str, Any]:
    return {name: whole[name] for name in names if name in whole}


def _in_silence(_pending: int, _timeout: float) -> None:
    """In the place of the words that Sentry's library prints when a process ends."""
