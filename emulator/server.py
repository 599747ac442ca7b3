"""Serves the emulator: in the foreground for users, in a thread for tests and the demo."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from emulator.app import create_app
from emulator.line import LineProtocol
from emulator.world import World

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
PORT = 9400
JOB_SECONDS = 2.0
KEEP_ALIVE_SECONDS = 75
SHUTDOWN_SECONDS = 1


def serve(host: str = HOST, port: int = PORT, *, job_seconds: float = JOB_SECONDS, limits_off: bool = False) -> None:
    """Serve until interrupted; raises `OSError` if the port is in use. Port 0: any free port.

    `job_seconds`: how long an import job takes; `limits_off`: never answer 429 for the rate.
    """
    sock = socket.create_server((host, port))
    url = _url(sock)
    log.info("emulator listens on %s; set KLAVIYO_BASE_URL=%s and use any key that starts with pk_", url, url)
    _server(World(job_seconds=job_seconds, limits_off=limits_off)).run(sockets=[sock])


@contextmanager
def running(port: int = 0, *, job_seconds: float = JOB_SECONDS, limits_off: bool = False) -> Iterator[str]:
    """Serve from a thread on the loopback address; yield the base URL and stop at the end of the block."""
    sock = socket.create_server((HOST, port))
    server = _server(World(job_seconds=job_seconds, limits_off=limits_off))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="emulator", daemon=True)
    thread.start()
    try:
        yield _url(sock)
    finally:
        server.should_exit = True
        thread.join()


def _server(world: World) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            create_app(world),
            http=LineProtocol,
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
    )


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://{host}:{port}"
