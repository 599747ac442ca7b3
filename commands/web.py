"""`ferry web`: run the intake and the console, as a platform does."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import click
from redis.exceptions import RedisError

from alerts.watching import watching
from commands.options import var_option
from configuration import settings
from configuration.settings import Settings
from console import routes
from intake.app import create_app
from intake.http.errors import RETRY_AFTER, error_body
from intake.http.server import App, serve
from local import ports
from logs import setup
from ops.checks.redis_server import config_of
from ops.errors import Failed, Misconfigured
from ops.ledger import ledger, stranger
from queues.errors import NotOurs, Unavailable
from queues.server import installation
from queues.server.connection import connect, obstacle

log = logging.getLogger(__name__)

#: Seconds between two attempts to evaluate the alerts: long, because the scheduler usually does it.
WATCH_S = 30.0
#: Seconds between two checks whether a Redis that was down at the start answers.
LOOK_S: Final = 1.0
_NOT_ACCEPTED: Final = error_body("503 Service Unavailable", "Not accepted", str(Unavailable()))


@click.command()
# A platform reaches the process from outside its container; `ferry up` passes its own address.
@click.option("--host", default="0.0.0.0", show_default=True, help="Address to listen on.")  # noqa: S104
@click.option("--port", type=int, help="Port to listen on.  [default: PORT, else 8000]")
@var_option
def web(host: str, port: int | None) -> None:
    """Run the intake and the console.

    It accepts changes over HTTP and answers when the ledger has them; in a browser it shows the queues. Any number may
    run behind one address. FERRY_TOKENS defines who may send, `ferry users` and FERRY_ADMIN_TOKEN who may sign in,
    REDIS_URL where the ledger is.

    \b
    Examples:
      ferry web --port 8080
    """
    setup.configure("web")
    known = settings.load()
    port = known.port if port is None else port
    ports.check_free(host, port, "--port")
    is_ours = _is_ours(known)
    if not is_ours:
        log.warning("Redis does not answer; senders get 503 until it does")
    _check_durable(known)
    log.info("intake listens on %s port %d", host, port)
    with watching(known, WATCH_S):
        app: App = routes.install(create_app(known), known)
        serve(app if is_ours else _Unchecked(app, known), host, port, known.trusted_proxies)


def _is_ours(known: Settings) -> bool:
    """Return whether Redis belongs to this installation; False while it does not answer.

    Raises Misconfigured when it belongs to another one.
    """
    try:
        with connect(known.redis_url) as redis:
            installation.claim(redis, known.installation)
    except NotOurs as fault:
        raise stranger(known, fault) from fault
    except RedisError:
        return False
    return True


class _Unchecked:
    """The app of a process that started while Redis was down: read-only until Redis is known to be this installation's.

    If Redis belongs to another installation, the process logs that and ends.
    """

    def __init__(self, app: App, known: Settings) -> None:
        self._app = app
        self._known = known
        self._ours = False
        threading.Thread(target=self._look, name="whose Redis", daemon=True).start()

    def _look(self) -> None:
        while not self._ours:
            time.sleep(LOOK_S)
            try:
                self._ours = _is_ours(self._known)
            except Misconfigured as fault:
                log.error("%s", fault.message)  # noqa: TRY400  # the message is enough
                os.kill(os.getpid(), signal.SIGTERM)
                return

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Handle an ASGI request; answer writes with 503 until Redis is known to be this installation's."""
        if self._ours or scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json;charset=utf-8"), (b"retry-after", str(RETRY_AFTER).encode())]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": _NOT_ACCEPTED})


def _check_durable(known: Settings) -> None:
    """Raise Misconfigured when Redis cannot confirm what FERRY_DURABLE asks for; it is checked later if it is down."""
    asked = known.durable
    if not asked.waits:
        return
    try:
        with ledger(known) as redis:
            found = obstacle(asked, redis.info(), (config_of(redis) or {}).get("appendfsync"))
    except Failed as fault:
        log.warning("%s Every message gets 503 until Redis answers", fault.message)
        return
    if found and found.lasts:
        raise Misconfigured(f"FERRY_DURABLE={asked}: {found.detail}.\nTo fix it, {found.remedy}.")
    if found:
        log.warning("FERRY_DURABLE=%s: %s; %s", asked, found.detail, found.remedy)
