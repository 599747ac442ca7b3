"""`ferry worker`: run a worker, as a platform does."""

from __future__ import annotations

import click

from commands.options import var_option
from configuration import settings
from logs import setup
from ops.ledger import stranger
from queues.errors import NotOurs
from worker.main import run


@click.command()
@var_option
def worker() -> None:
    """Run a worker alone.

    It delivers one batch at a time to Klaviyo. Any number may run on any number of machines; they share Klaviyo's
    rate limits through Redis.

    \b
    Examples:
      ferry worker
    """
    setup.configure("worker")
    known = settings.load()
    try:
        run(known)
    except NotOurs as fault:
        raise stranger(known, fault) from fault
