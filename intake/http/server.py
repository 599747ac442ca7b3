"""Runs the intake with uvicorn."""

from __future__ import annotations

import ctypes
import gc
import resource
from collections.abc import Awaitable, Callable, Sequence

import uvicorn

from intake.http.doorkeeper import LOOPBACK, Doorkeeper, Network
from intake.http.limits import CONNECTIONS
from intake.http.protocol import Protocol

#: Seconds an idle connection is kept; longer than mParticle and most routers keep it, so that they close it first.
KEEP_ALIVE = 75
#: Seconds to finish current requests after SIGTERM; platforms kill after 30, some after 20.
SHUTDOWN = 15

#: Bytes of a block of memory that is returned to the system when it is freed. Smaller ones are reused.
LARGE_BLOCK = 256 * 1024
_M_MMAP_THRESHOLD = -3

#: An ASGI app.
App = Callable[..., Awaitable[None]]


def config(
    app: App, host: str, port: int, trusted: Sequence[Network] = LOOPBACK, connections: int = CONNECTIONS
) -> uvicorn.Config:
    """Return the configuration of uvicorn. `trusted`: proxies whose connections belong to many senders.

    `connections`: most connections at a time. There is no access log: it would write a line for every request, with
    the data that senders put into URLs.
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
        # A second limit in case the doorkeeper fails; twice as high, because connections that are closing count too.
        limit_concurrency=2 * connections,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=SHUTDOWN,
    )


def serve(app: App, host: str, port: int, trusted: Sequence[Network] = LOOPBACK) -> None:
    """Take requests until SIGTERM or SIGINT, then finish the current ones. `trusted`: as in `config`."""
    server = uvicorn.Server(config(app, host, port, trusted, _connections()))
    # The objects that exist now stay, so the collector need not scan them repeatedly (a tenth of the time). A message
    # leaves hardly any cycles, so collecting after every 700 objects, the default, would waste a twentieth.
    gc.freeze()
    gc.set_threshold(50_000)
    _give_back_large_blocks()
    server.run()


def _give_back_large_blocks() -> None:
    """Make the C library return every large block of memory to the system as soon as it is freed.

    glibc does so at first, but each freed block raises the size from which it does, up to 32 MB (mallopt(3),
    M_MMAP_THRESHOLD). After some large bodies it would keep well over 100 MB. A fixed size stays. Other C libraries
    have neither this behaviour nor this call.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK)


def _connections() -> int:
    """Return the most connections: each is an open file, and many systems allow a process 1,024.

    The limit of open files is raised as far as needed; if the system allows fewer, a quarter stays for Redis and so on.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS * 4 // 3 + 1
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return CONNECTIONS
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return min(CONNECTIONS, files * 3 // 4)
