"""`ferry hold` and `ferry release`: stop a queue or a connection, and let it go on."""

from __future__ import annotations

import click
from redis import Redis

import settings
from ops.audit import by
from ops.errors import Failed
from ops.ledger import ledger
from ops.options import var_option
from ops.releasing import confirm_guarded, still_wrong
from ops.targets import find_held, find_queue_or_connection
from ops.wording import span
from queues import audit, holds
from queues.census import Census, take_census
from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from settings import Settings


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
    known = settings.load()
    with ledger(known) as redis:
        census = take_census(redis)
        on = find_queue_or_connection(target, census.queues, _connections(census, known))
        placed = holds.place(redis, on, Hold(reason, now_ms()))
        audit.note(redis, by(), "hold", on, audit.DONE if placed else "held already")
        if placed:
            click.echo(f"{on} is held. Let it go on with: ferry release {on}")
            return
        before = _held(on, census)
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
    guard holds (snapshot_guard) is carried out after all; to have it replaced instead, sync a better one.
    """
    known = settings.load()
    with ledger(known) as redis:
        census = take_census(redis)
        on = find_held(target, census.queues, _connections(census, known))
        before = _held(on, census)
        _check_cause(redis, known, on, before, force)
        if isinstance(on, Queue) and before:
            confirm_guarded(redis, on, before)
        released = holds.release(redis, on)
        audit.note(redis, by(), "release", on, audit.DONE if released else "not held")
        click.echo(f"{on} goes on." if released else f"{on} was not held.")
        if isinstance(on, Queue) and on.connection in census.holds:
            reason = census.holds[on.connection].reason
            click.echo(f"Its connection is held too ({reason}): ferry release {on.connection}")


def _check_cause(redis: Redis, known: Settings, on: Queue | str, before: Hold | None, force: bool) -> None:
    still = still_wrong(redis, known, on, before) if before else None
    if still and before and not force:
        raise Failed(f"{on} stays held ({before.reason}): {still}\nTo let it go on all the same: add --force")
    if still:
        click.echo(f"Released all the same: {still}", err=True)


def _connections(census: Census, known: Settings) -> set[str]:
    return {connection.name for connection in known.connections} | census.holds.keys()


def _held(on: Queue | str, census: Census) -> Hold | None:
    if isinstance(on, str):
        return census.holds.get(on)
    return next((count.hold for count in census.queues if count.queue == on), None)
