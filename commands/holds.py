"""`ferry hold`, `ferry holds` and `ferry release`: hold a queue or a connection, list the holds, release one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import click

from commands.options import json_option, var_option
from ops import holds
from ops import status_words as words
from ops.actions import hold_on
from ops.client.installation import installation
from ops.errors import Failed
from ops.output import complain, console, echo, print_json
from ops.sync.view import counts_table
from ops.targets import find_held, find_queue_or_connection
from ops.unbroken import UnbrokenText
from queues.census import Census
from queues.names import Queue
from queues.owners import LIST_OWNED
from queues.snapshots.records import Record
from text.escaping import visible
from text.wording import duration, plural, until
from worker.connection import account_name

_BY_ITSELF = "Ends automatically when the cause is gone"
_BY_HAND = "Ends with `ferry release`"
_AFTER_FORCE = (
    "Pending changes are sent when they are due, at once if they are due now. If Klaviyo still refuses them, the hold "
    "is placed again: ferry holds"
)


@click.command()
@click.argument("target", metavar="QUEUE|CONNECTION")
@click.option("--reason", required=True, help="Why; the status shows it.")
@json_option
@var_option
def hold(target: str, reason: str, as_json: bool) -> None:
    """Stop sending from a queue or connection.

    Lasts until `ferry release`. Ferry still accepts changes and keeps them in the queue. An import that Klaviyo has
    accepted is not cancelled.

    \b
    Examples:
      ferry hold VIPs --reason "the campaign starts on Tuesday"
      ferry hold brand-b --reason maintenance
    """
    if not reason.strip():
        raise click.UsageError("--reason is empty: say why, because the status shows it")
    with installation(writes=True) as ferry:
        census = ferry.summary()
        known = ferry.connection_names() | census.holds.keys() | census.totals.connections
        on = find_queue_or_connection(target, ferry.meant(target), known)
        placed = ferry.hold(on, reason)
        if as_json:
            print_json({"on": str(on), "placed": placed})
        if placed:
            echo(f"{on} is held. To release it: ferry release {on}")
            return
        before = hold_on(on, census)
        why = f" for {duration(census.at - before.since)} ({words.reason_of(before)})" if before else ""
        echo(f"{on} is already held{why}; that reason stays. To release it: ferry release {on}")


@click.command()
@click.argument("target", metavar="QUEUE|CONNECTION")
@click.option("--force", is_flag=True, help="Release it even if the cause remains.")
@json_option
@var_option
def release(target: str, force: bool, as_json: bool) -> None:
    """Release a held queue or connection.

    Pending changes are sent by the flush policy, at once if they are due. If Ferry placed the hold, it first checks
    that the cause is gone: the key, the settings, the list. Exit code 1 if it is not.

    A snapshot that the guard holds (snapshot_guard) is carried out; to replace it instead, sync a better one. A queue
    held because another audience owns its list (list_owned) shares that list from now on. A connection held for a key
    of another account (account_changed) delivers to that account from now on.

    \b
    Examples:
      ferry release VIPs
      ferry release default/audience/42 --force
    """
    with installation(writes=True) as ferry:
        census = ferry.summary()
        known = ferry.connection_names() | census.holds.keys() | census.totals.connections
        held = {count.queue for count in census.queues if count.hold}
        on = find_held(target, ferry.meant(target), known, held)
        before = hold_on(on, census)
        ended = ferry.release(on, force)
        if ended.still and not force:
            # A remote Ferry may have placed it after the census.
            reason = f" ({words.reason_of(before)})" if before else ""
            raise Failed(f"{on} stays held{reason}: {visible(ended.still)}\nTo release it anyway: add --force")
        if as_json:
            snapshot = ended.confirmed
            print_json({"on": str(on), "released": ended.done, "still": ended.still, "snapshot": snapshot})
        if ended.still:
            complain(f"Released anyway: {visible(ended.still)}\n{_AFTER_FORCE}")
        if ended.confirmed:
            _tell(ended.confirmed)
        echo(f"{on} was released." if ended.done else f"{on} was not held.")
        if before and before.reason == LIST_OWNED:
            echo("It shares its list with the audience that owns it, and is not held for that again.")
        if before and before.moved:
            echo(f"It delivers to {account_name(before.moved.account)} from now on.")
        if isinstance(on, Queue) and on.connection in census.holds:
            reason = words.reason_of(census.holds[on.connection])
            echo(f"Its connection is also held ({reason}): ferry release {on.connection}")


def _tell(confirmed: Record) -> None:
    echo(f"Snapshot {confirmed.order.snapshot} is carried out:")
    if confirmed.counts:
        console().print(counts_table(confirmed.counts, confirmed.examples))


@click.command("holds")
@json_option
@var_option
def list_holds(as_json: bool) -> None:
    """List what is held, why, and what ends it.

    \b
    Examples:
      ferry holds
      ferry holds --json
    """
    with installation() as ferry:
        census = ferry.summary()
        found = list(holds.held(census, ferry.confirmations()))
    if as_json:
        print_json([holds.document(each) for each in found])
    elif found:
        console().print(*chain.from_iterable(_lines(each, census) for each in found), sep="\n", crop=False)
        console().print("\nTo release one: ferry release NAME")
    else:
        console().print("Nothing is held.")


def _lines(each: holds.PlacedHold, census: Census) -> Iterator[UnbrokenText]:
    name = f"{visible(each.audience)} ({each.on})" if each.audience else each.on
    lasts = duration(census.at - each.hold.since)
    yield UnbrokenText(f"{name} is held for {lasts}: {words.reason_of(each.hold)}", "bold")
    yield from (UnbrokenText(line, indent=2) for line in _resolved_by(each, census))


def _resolved_by(each: holds.PlacedHold, census: Census) -> Iterator[str]:
    if each.hold.resolve:
        yield visible(each.hold.resolve)
    upcoming = "" if census.next_check is None else f", next check {until(census.next_check, census.at)}"
    checked = f" ({plural(each.probes, 'check')} so far{upcoming})" if each.hold.probed else ""
    yield f"{_BY_ITSELF if each.hold.ends_by_itself else _BY_HAND}{checked}."
    if each.hold.error_id:
        yield f"Klaviyo's error id: {visible(each.hold.error_id)}"
