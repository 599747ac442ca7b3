"""Runs the intake."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable

import uvicorn

from intake.protocol import Protocol

#: Seconds an idle connection is kept; longer than mParticle's and most routers' own, so that they close it first.
KEEP_ALIVE = 75
#: Seconds for requests under way after SIGTERM; platforms kill after 30, some after 20.
SHUTDOWN = 15

#: An ASGI app.
App = Callable[..., Awaitable[None]]


def config(app: App, host: str, port: int) -> uvicorn.Config:
    """How uvicorn runs. No access log: it would be written for every request, and holds what senders put into URLs."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Protocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=SHUTDOWN,
    )


def serve(app: App, host: str, port: int) -> None:
    """Take requests until SIGTERM or SIGINT, then finish those under way."""
    server = uvicorn.Server(config(app, host, port))
    # What is there now stays for good: the collector need not look at it again and again (a tenth of the time). A
    # message leaves hardly any cycles behind, so that looking at every 700th object, as usual, takes a twentieth.
    gc.freeze()
    gc.set_threshold(50_000)
    server.run()
