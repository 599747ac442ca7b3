"""`ferry health`: check one process, for the health checks of containers."""

from __future__ import annotations

import http.client
import socket
from typing import Final, cast

import click

from commands.options import json_option, var_option
from configuration import settings
from configuration.settings import Settings
from intake import readiness
from ops.errors import Failed
from ops.ledger import ledger
from ops.output import echo, print_json
from queues import doorbell, keys
from queues.clock import now_ms
from text.wording import duration

#: Seconds until the web process must answer.
_WEB_S: Final = 3.0
#: ms since the last sign of a worker; an idle one gives one every 45 s, a busy one every 30 s.
_WORKER_MS: Final = 120_000


@click.command()
@click.argument("process", type=click.Choice(["web", "scheduler", "worker"]))
@json_option
@var_option
def health(process: str, as_json: bool) -> None:
    """Check one process, for containers.

    Prints one line; exit code 0 if the process works, 1 if not. web: it answers on PORT of this machine. scheduler:
    one has ticked within 30 s, on any machine. worker: one of this machine gave a sign of life within 2 minutes.
    `ferry doctor` checks everything.

    \b
    Examples:
      ferry health web
      ferry health worker --quiet
    """
    try:
        is_well, detail = _CHECKS[process](settings.load())
    except Failed as fault:  # Redis does not answer
        is_well, detail = False, fault.message.partition("\n")[0]
    if as_json:
        print_json({"process": process, "healthy": is_well, "detail": detail})
    echo(f"{process}: {detail}")
    if not is_well:
        raise click.exceptions.Exit(1)


def _web(known: Settings) -> tuple[bool, str]:
    connection = http.client.HTTPConnection("127.0.0.1", known.port, timeout=_WEB_S)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as fault:
        return False, f"no answer on port {known.port} ({type(fault).__name__})"
    finally:
        connection.close()
    return status == http.client.OK, f"answers {status} on port {known.port}"


def _scheduler(known: Settings) -> tuple[bool, str]:
    with ledger(known) as redis:
        found = readiness.scheduler(cast("bytes | None", redis.get(keys.HEARTBEAT)), now_ms())
    return found.ok, found.detail


def _worker(known: Settings) -> tuple[bool, str]:
    host = socket.gethostname()
    with ledger(known) as redis:
        seen = doorbell.last_sign(redis, host)
    if seen is None:
        return False, f"none is registered on {host}"
    silent = now_ms() - seen
    return silent < _WORKER_MS, f"last sign of life on {host} {duration(silent)} ago"


_CHECKS: Final = {"web": _web, "scheduler": _scheduler, "worker": _worker}
