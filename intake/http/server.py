"""Runs the intake."""

from __future__ import annotations

import gc
import resource
from collections.abc import Awaitable, Callable, Sequence

import uvicorn

from intake.http.doorkeeper import LOOPBACK, Doorkeeper, Network
from intake.http.limits import CONNECTIONS
from intake.http.protocol import Protocol

#: Seconds an idle connection is kept; longer than mParticle's and most routers' own, so that they close it first.
KEEP_ALIVE = 75
#: Seconds for requests under way after SIGTERM; platforms kill after 30, some after 20.
SHUTDOWN = 15

#: An ASGI app.
App = Callable[..., Awaitable[None]]


def config(
    app: App, host: str, port: int, trusted: Sequence[Network] = LOOPBACK, connections: int = CONNECTIONS
) -> uvicorn.Config:
    """How uvicorn runs; `trusted`: proxies, of which a connection may be anybody's. `connections`: at most so many.

    No access log: it would be written for every request, and holds what senders put into URLs.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=type("Protocol", (Protocol,), {"doorkeeper": Doorkeeper(trusted, connections)}),
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        # The doorkeeper keeps them below this, but for those that are being closed; here is the end, should it fail.
        limit_concurrency=2 * connections,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=SHUTDOWN,
    )


def serve(app: App, host: str, port: int, trusted: Sequence[Network] = LOOPBACK) -> None:
    """Take requests until SIGTERM or SIGINT, then finish those under way. `trusted`: as in `config`."""
    server = uvicorn.Server(config(app, host, port, trusted, _connections()))
    # What is there now stays for good: the collector need not look at it again and again (a tenth of the time). A
    # message leaves hardly any cycles behind, so that looking at every 700th object, as usual, takes a twentieth.
    gc.freeze()
    gc.set_threshold(50_000)
    server.run()


def _connections() -> int:
    """How many there may be: each is an open file, of which many systems give a process 1,024.

    As many are asked for as are needed; where the system gives fewer, a quarter stays for Redis and all else.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS * 4 // 3 + 1
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return CONNECTIONS
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return min(CONNECTIONS, files * 3 // 4)
