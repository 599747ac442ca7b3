"""`ferry flush`: send what waits now, whatever its size and age."""

from __future__ import annotations

import click
from redis import Redis

import settings
from ops import actions
from ops.audit import by
from ops.errand import Errand
from ops.flush_wait import report, wait_for
from ops.ledger import ledger
from ops.options import var_option
from ops.targets import find_queue
from ops.wording import called, plural
from queues import pending
from queues.census import Census, take_census
from queues.counts import QueueCount


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
    with ledger(settings.load()) as redis:
        census = take_census(redis)
        names = {str(found.queue): found for found in census.queues}
        chosen = list(names.values()) if every else _chosen(queues, census)
        errands = [ask(redis, found, census) for found in chosen]
        pending.wake(redis)
        if wait:
            wait_for(redis, errands)
            report(redis, errands, census.at)


def _chosen(given: tuple[str, ...], census: Census) -> list[QueueCount]:
    wanted = {find_queue(name, census.queues) for name in given}
    return [found for found in census.queues if found.queue in wanted]


def ask(redis: Redis, found: QueueCount, census: Census) -> Errand:
    """Ask for what waits in one queue, and say so."""
    errand = actions.flush(redis, by(), found)
    what = f"{plural(errand.asked, 'change')} asked for" if errand.asked else "nothing waits"
    hold = census.holds.get(found.queue.connection) or found.hold
    held = f"; it is held ({hold.reason}), so nothing is sent before `ferry release`" if hold and errand.asked else ""
    click.echo(f"{called(found)}  {found.queue}: {what}{held}")
    return errand
