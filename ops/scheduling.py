"""`ferry scheduler`: the scheduler, as a platform runs it."""

from __future__ import annotations

import click

import settings
from alerts.watching import watching
from ops import logs
from ops.ledger import stranger
from ops.options import var_option
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
    logs.configure("scheduler")
    known = settings.load()
    try:
        with watching(known, WATCH_S):
            run(known)
    except NotOurs as fault:
        raise stranger(known, fault) from fault
