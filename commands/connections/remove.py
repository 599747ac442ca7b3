"""`ferry connections remove`: remove a connection that has no changes left."""

from __future__ import annotations

import click
from redis import Redis

from commands.options import json_option, var_option
from configuration import settings
from configuration.settings import Settings
from ops.errors import Failed, Misconfigured
from ops.ledger import by, ledger
from ops.output import echo, print_json
from queues import audit, holds, owners, pending
from queues.census import count
from queues.connections import accounts
from queues.counts import QueueCount, called
from text.wording import plural


@click.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Remove it even if it has dead letters, which stay.")
@json_option
@var_option
def remove(name: str, force: bool, as_json: bool) -> None:
    """Remove a connection that was added, and delete its key.

    Refused while the connection has pending changes, batches in progress or dead letters. With --force dead letters
    stay, and can be replayed when the connection is added again. Stop the senders first: Ferry refuses what they send
    to a removed connection.

    \b
    Examples:
      ferry connections remove brand-c
    """
    known = settings.load()
    with ledger(known, writes=True) as redis:
        _check_added(redis, known, name)
        counts = count(redis, [queue for queue in pending.all_queues(redis) if queue.connection == name])
        if busy := [_line(each) for each in counts if each.waiting.pending or each.open]:
            raise Failed(_refusal(name, busy, "Deliver them first: ferry flush QUEUE --wait"))
        if not force and (letters := [_line(each) for each in counts if each.kept]):
            raise Failed(_refusal(name, letters, "Replay or purge them (ferry dead), or keep them with --force"))
        for each in counts:
            owners.give_up(redis, each.queue)
        accounts.drop_key(redis, name)
        holds.release(redis, name)
        dead = sum(each.kept for each in counts)
        audit.note(redis, by(), "connection removed", name, dead=dead)
        if as_json:
            print_json({"name": name, "dead_letters": dead})
        echo(f"{name} was removed and its key deleted. Every process knows it within seconds.")


def _check_added(redis: Redis, known: Settings, name: str) -> None:
    if accounts.stored_key(redis, name):
        return
    if name in {connection.name for connection in known.connections}:
        raise Misconfigured(
            f"{name} comes from the settings: remove it from connections.toml or the environment, and restart"
        )
    added = ", ".join(accounts.with_key(redis)) or "none"
    raise Misconfigured(f"there is no connection {name} to remove; added connections: {added}")


def _line(each: QueueCount) -> str:
    counts = [
        plural(each.waiting.pending, "pending change") if each.waiting.pending else "",
        f"{each.open:,} in progress" if each.open else "",
        plural(each.kept, "dead letter") if each.kept else "",
    ]
    return f"  {each.queue} {called(each)}: {', '.join(filter(None, counts))}"


def _refusal(name: str, lines: list[str], remedy: str) -> str:
    return "\n".join((f"{name} was not removed:", *lines, remedy))
