"""`ferry scheduler`: the scheduler, as a platform runs it."""

from __future__ import annotations

import click

from alerts.watching import watching
from commands.options import var_option
from configuration import settings
from logs import setup
from ops.ledger import stranger
from queues.errors import NotOurs
from scheduler.main import run

#: Seconds between two tries to judge the alerts; more often than the web process, which has requests to answer.
WATCH_S = 5.0


@click.command()
@var_option
def scheduler() -> None:
    """Run the scheduler alone.

    It takes what is due and rings the workers. One is enough. Several may run; the ledger decides, so there is no
    leader to lose.
    """
    setup.configure("scheduler")
    known = settings.load()
    try:
        with watching(known, WATCH_S):
            run(known)
    except NotOurs as fault:
        raise stranger(known, fault) from fault
