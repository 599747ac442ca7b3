"""`ferry web`: the intake, as a platform runs it."""

from __future__ import annotations

import logging

import click

import settings
from intake.server import serve
from ops import logs, ports
from ops.options import var_option

log = logging.getLogger(__name__)


@click.command()
# A platform reaches the process from outside its container; `ferry up` gives an address of its own.
@click.option("--host", default="0.0.0.0", show_default=True, help="Address to listen on.")  # noqa: S104
@click.option("--port", type=int, help="Port to listen on.  [default: PORT, else 8000]")
@var_option
def web(host: str, port: int | None) -> None:
    """Run the intake alone.

    It takes changes over HTTP and answers when the ledger has them. Any number may run behind one address.
    FERRY_TOKENS says who may send, REDIS_URL where the ledger is.
    """
    logs.configure()
    known = settings.load()
    port = known.port if port is None else port
    ports.check_free(host, port, "--port")
    log.info("intake listens on %s port %d", host, port)
    serve(known, host, port)
