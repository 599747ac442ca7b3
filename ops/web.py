"""`ferry web`: the intake and the console, as a platform runs them."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import click
import orjson
from redis.exceptions import RedisError

import settings
from alerts.watching import watching
from console import routes
from intake.app import create_app
from intake.errors import RETRY_AFTER
from intake.server import App, serve
from ops import logs, ports
from ops.errors import Misconfigured
from ops.ledger import stranger
from ops.options import var_option
from queues import installation
from queues.errors import NotOurs, Unavailable
from queues.server import connect
from settings import Settings

log = logging.getLogger(__name__)

#: Seconds between two tries to judge the alerts: seldom, because a scheduler does, unless there is none.
WATCH_S = 30.0
#: Seconds between two looks whether a Redis that was down at the start answers by now.
LOOK_S: Final = 1.0
_NOT_ACCEPTED: Final = orjson.dumps({"error": {"title": "Not accepted", "description": str(Unavailable())}})


@click.command()
# A platform reaches the process from outside its container; `ferry up` gives an address of its own.
@click.option("--host", default="0.0.0.0", show_default=True, help="Address to listen on.")  # noqa: S104
@click.option("--port", type=int, help="Port to listen on.  [default: PORT, else 8000]")
@var_option
def web(host: str, port: int | None) -> None:
    """Run the intake and the console.

    It takes changes over HTTP and answers when the ledger has them; in a browser it shows the queues. Any number may
    run behind one address. FERRY_TOKENS says who may send, `ferry users` and FERRY_ADMIN_TOKEN who may look,
    REDIS_URL where the ledger is.
    """
    logs.configure("web")
    known = settings.load()
    port = known.port if port is None else port
    ports.check_free(host, port, "--port")
    is_ours = _is_ours(known)
    if not is_ours:
        log.warning("Redis does not answer; until it does, senders are answered 503")
    log.info("intake listens on %s port %d", host, port)
    with watching(known, WATCH_S):
        app: App = routes.install(create_app(known), known)
        serve(app if is_ours else _Unchecked(app, known), host, port)


def _is_ours(known: Settings) -> bool:
    """Whether Redis is this installation's; False while it does not answer. Raises Misconfigured in another one's."""
    try:
        with connect(known.redis_url) as redis:
            installation.claim(redis, known.installation)
    except NotOurs as fault:
        raise stranger(known, fault) from fault
    except RedisError:
        return False
    return True


class _Unchecked:
    """The app of a process that started while Redis was down: it only shows things until it knows whose Redis came up.

    In another installation's the process ends; whoever starts it again reads why.
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
                log.error("%s", fault.message)  # noqa: TRY400  # the words say it
                os.kill(os.getpid(), signal.SIGTERM)
                return

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """ASGI."""
        if self._ours or scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json;charset=utf-8"), (b"retry-after", str(RETRY_AFTER).encode())]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": _NOT_ACCEPTED})
