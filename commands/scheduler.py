"""`ferry scheduler`: run the scheduler, as a platform does."""

from __future__ import annotations

import click

from alerts.watching import watching
from commands.options import var_option
from configuration import settings
from logs import setup
from ops.ledger import stranger
from queues.errors import NotOurs
from scheduler.main import run

#: Seconds between two attempts to evaluate the alerts; shorter than in the web process, which answers requests.
WATCH_S = 5.0


@click.command()
@var_option
def scheduler() -> None:
    """Run the scheduler alone.

    It takes due changes into batches and wakes the workers. One is enough. Several may run: the ledger coordinates
    them, so there is no leader to lose.

    \b
    Examples:
      ferry scheduler
    """
    setup.configure("scheduler")
    known = settings.load()
    try:
        with watching(known, WATCH_S):
            run(known)
    except NotOurs as fault:
        raise stranger(known, fault) from fault
