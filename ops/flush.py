"""`ferry flush`: send what waits now, whatever its size and age."""

from __future__ import annotations

import click

from ops.errand import Errand
from ops.flush_wait import report, wait_for
from ops.installation import installation
from ops.options import var_option
from ops.targets import find_queue
from queues.census import Census
from queues.names import Queue
from wording import called, plural


@click.command()
@click.argument("queues", metavar="QUEUE...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All queues.")
@click.option("--wait", is_flag=True, help="Wait until all of it is settled; exit code 1 if some became dead letters.")
@var_option
def flush(queues: tuple[str, ...], every: bool, wait: bool) -> None:
    """Send what waits now.

    All of it goes, in uploads as large as the settings allow; what comes later waits as ever. QUEUE is the id of
    a queue (`default/audience/42`), or the audience's id or name, or `events`, `consents` and the like, where only
    one queue has it. Batches of consents stay open for three minutes, which Klaviyo may take.
    """
    if bool(queues) == every:
        raise click.UsageError("name at least one QUEUE, or --all, and not both; `ferry status` lists them")
    with installation(writes=True) as ferry:
        census = ferry.census()
        asked = ferry.flush([found.queue for found in census.queues] if every else _chosen(queues, census))
        for errand in asked.errands:
            tell(errand, census)
        if wait:
            wait_for(ferry.census, asked.errands, every_s=ferry.every_s)
            report(ferry, asked.errands, asked.at)


def _chosen(given: tuple[str, ...], census: Census) -> list[Queue]:
    return sorted({find_queue(name, census.queues) for name in given})


def tell(errand: Errand, census: Census) -> None:
    """Say what was asked for in one queue of the census."""
    (found,) = (count for count in census.queues if count.queue == errand.queue)
    what = f"{plural(errand.asked, 'change')} asked for" if errand.asked else "nothing waits"
    hold = census.holds.get(found.queue.connection) or found.hold
    held = f"; it is held ({hold.reason}), so nothing is sent before `ferry release`" if hold and errand.asked else ""
    click.echo(f"{called(found)}  {found.queue}: {what}{held}")
