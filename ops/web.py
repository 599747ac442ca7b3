"""`ferry web`: the intake and the console, as a platform runs them."""

from __future__ import annotations

import logging

import click

import settings
from alerts.watching import watching
from console import routes
from intake.app import create_app
from intake.server import serve
from ops import logs, ports
from ops.checks_redis import config_of
from ops.errors import Failed, Misconfigured
from ops.ledger import ledger
from ops.options import var_option
from queues.durability import obstacle
from settings import Settings

log = logging.getLogger(__name__)

#: Seconds between two tries to judge the alerts: seldom, because a scheduler does, unless there is none.
WATCH_S = 30.0


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
    _check_durable(known)
    log.info("intake listens on %s port %d", host, port)
    with watching(known, WATCH_S):
        serve(routes.install(create_app(known), known), host, port)


def _check_durable(known: Settings) -> None:
    """Raises Misconfigured where Redis cannot confirm what it is asked to. One that is away is looked at later."""
    asked = known.durable
    if not asked.waits:
        return
    try:
        with ledger(known) as redis:
            found = obstacle(asked, redis.info(), (config_of(redis) or {}).get("appendfsync"))
    except Failed as fault:
        log.warning("%s Until Redis is there, every message is answered 503", fault.message)
        return
    if found and found.lasts:
        raise Misconfigured(f"FERRY_DURABLE={asked}: {found.detail}.\nTo mend it, {found.remedy}.")
    if found:
        log.warning("FERRY_DURABLE=%s: %s; %s", asked, found.detail, found.remedy)
