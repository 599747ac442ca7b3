"""`ferry hold` and `ferry release`: stop a queue or a connection, and let it go on."""

from __future__ import annotations

import click

from ops.actions import hold_on
from ops.errors import Failed
from ops.installation import installation
from ops.options import var_option
from ops.output import console
from ops.sync_view import counts_table
from ops.targets import find_held, find_queue_or_connection
from queues.names import Queue
from queues.owners import LIST_OWNED
from queues.records import Record
from wording import span
from worker.same_account import named


@click.command()
@click.argument("target", metavar="QUEUE|CONNECTION")
@click.option("--reason", required=True, help="Why; shown to whoever looks at the status.")
@var_option
def hold(target: str, reason: str) -> None:
    """Stop sending from a queue or connection.

    Until `ferry release`. Intake goes on: what comes waits in the queue. An import that Klaviyo already took is
    not called back.
    """
    if not reason.strip():
        raise click.UsageError("say why with --reason; whoever looks at the status will want to know")
    with installation(writes=True) as ferry:
        census = ferry.census()
        on = find_queue_or_connection(target, census.queues, ferry.connection_names() | census.holds.keys())
        if ferry.hold(on, reason):
            click.echo(f"{on} is held. Let it go on with: ferry release {on}")
            return
        before = hold_on(on, census)
        why = f" for {span(census.at - before.since)} ({before.reason})" if before else ""
        click.echo(f"{on} is held already{why}; that reason stays. Let it go on with: ferry release {on}")


@click.command()
@click.argument("target", metavar="QUEUE|CONNECTION")
@click.option("--force", is_flag=True, help="Even when the cause is still there.")
@var_option
def release(target: str, force: bool) -> None:
    """Let a held queue or connection go on.

    What waited is sent as the flush policy says, at once where it is due. Where Ferry placed the hold, it first
    looks whether the cause is gone: the key, the settings, the list. Exit code 1 when it is not. A snapshot that the
    guard holds (snapshot_guard) is carried out after all; to have it replaced instead, sync a better one. What is
    held for a list that another audience keeps (list_owned) uses it together with that one from now on. A connection
    that is held for a key of another account (account_changed) delivers to that account from now on.
    """
    with installation(writes=True) as ferry:
        census = ferry.census()
        on = find_held(target, census.queues, ferry.connection_names() | census.holds.keys())
        before = hold_on(on, census)
        ended = ferry.release(on, force)
        if ended.still and not force:
            # A Ferry elsewhere may have placed it since the census was taken.
            reason = f" ({before.reason})" if before else ""
            raise Failed(f"{on} stays held{reason}: {ended.still}\nTo let it go on all the same: add --force")
        if ended.still:
            click.echo(f"Released all the same: {ended.still}", err=True)
        if ended.confirmed:
            _tell(ended.confirmed)
        click.echo(f"{on} goes on." if ended.done else f"{on} was not held.")
        if before and before.reason == LIST_OWNED:
            click.echo("It uses its list together with the audience that keeps it, and is not held for that again.")
        if before and before.moved:
            click.echo(f"It delivers to {named(before.moved.account)} from now on.")
        if isinstance(on, Queue) and on.connection in census.holds:
            reason = census.holds[on.connection].reason
            click.echo(f"Its connection is held too ({reason}): ferry release {on.connection}")


def _tell(confirmed: Record) -> None:
    click.echo(f"Snapshot {confirmed.order.snapshot} is carried out:")
    if confirmed.counts:
        console().print(counts_table(confirmed.counts, confirmed.examples))
