"""`ferry hold`, `ferry holds` and `ferry release`: stop a queue or a connection, see why, and let it go on."""

from __future__ import annotations

import click
from rich.table import Table

from commands.options import json_option, var_option
from ops import holds
from ops.actions import hold_on
from ops.client.choose import installation
from ops.errors import Failed
from ops.output import console, echo, print_json, table
from ops.sync.view import counts_table
from ops.targets import find_held, find_queue_or_connection
from queues.names import Queue
from queues.owners import LIST_OWNED
from queues.snapshots.records import Record
from text.escaping import visible
from text.wording import plural, span
from worker.same_account import named

_BY_ITSELF = "Ends by itself when the cause is gone"
_BY_HAND = "Ends by `ferry release`"


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
            echo(f"{on} is held. Let it go on with: ferry release {on}")
            return
        before = hold_on(on, census)
        why = f" for {span(census.at - before.since)} ({visible(before.reason)})" if before else ""
        echo(f"{on} is held already{why}; that reason stays. Let it go on with: ferry release {on}")


@click.command()
@click.argument("target", metavar="QUEUE|CONNECTION")
@click.option("--force", is_flag=True, help="Even when the cause is still there.")
@var_option
def release(target: str, force: bool) -> None:
    """Release a held queue or connection.

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
            reason = f" ({visible(before.reason)})" if before else ""
            raise Failed(f"{on} stays held{reason}: {visible(ended.still)}\nTo let it go on all the same: add --force")
        if ended.still:
            echo(f"Released all the same: {visible(ended.still)}", err=True)
        if ended.confirmed:
            _tell(ended.confirmed)
        echo(f"{on} goes on." if ended.done else f"{on} was not held.")
        if before and before.reason == LIST_OWNED:
            echo("It uses its list together with the audience that keeps it, and is not held for that again.")
        if before and before.moved:
            echo(f"It delivers to {named(before.moved.account)} from now on.")
        if isinstance(on, Queue) and on.connection in census.holds:
            reason = visible(census.holds[on.connection].reason)
            echo(f"Its connection is held too ({reason}): ferry release {on.connection}")


def _tell(confirmed: Record) -> None:
    echo(f"Snapshot {confirmed.order.snapshot} is carried out:")
    if confirmed.counts:
        console().print(counts_table(confirmed.counts, confirmed.examples))


@click.command("holds")
@json_option
@var_option
def list_holds(as_json: bool) -> None:
    """List what is held, why, and what ends it."""
    with installation() as ferry:
        census = ferry.census()
        found = list(holds.held(census, ferry.confirmations()))
    if as_json:
        print_json([holds.document(each) for each in found])
    elif found:
        console().print(_table(found, census.at))
        console().print("\nLet one go on with: ferry release NAME")
    else:
        console().print("Nothing is held.")


def _table(found: list[holds.PlacedHold], now: int) -> Table:
    made = table("Held", "For", "Reason", "What resolves it")
    for each in found:
        name = f"{each.on}\n{visible(each.audience)}" if each.audience else each.on
        made.add_row(name, span(now - each.hold.since), visible(each.hold.reason), _resolved_by(each))
    return made


def _resolved_by(each: holds.PlacedHold) -> str:
    probed = f" ({plural(each.probes, 'probe')} so far)" if each.hold.probed else ""
    lines = [visible(each.hold.resolve or ""), f"{_BY_ITSELF if each.hold.ends_by_itself else _BY_HAND}{probed}."]
    if each.hold.error_id:
        lines.append(f"Klaviyo's error id: {visible(each.hold.error_id)}")
    return "\n".join(filter(None, lines))
