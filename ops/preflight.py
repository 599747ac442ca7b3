"""`ferry preflight`: who of an audience would get a message, before anybody sends one."""

from __future__ import annotations

import click
from redis import Redis
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import settings
from klaviyo.client import Klaviyo
from ops import preflight_view, surveying
from ops.joining import Waiting, waiting
from ops.klaviyo_list import going_to, list_id, opened
from ops.ledger import ledger
from ops.mailable import Standing
from ops.options import json_option, var_option
from ops.output import console, echo, print_json
from ops.preflight_view import Found, as_table, remarks
from ops.targets import find_audience
from queues import members, undelivered
from queues.census import take_census
from queues.names import Queue
from settings import Settings
from wording import number, plural


@click.command()
@click.argument("audience", metavar="AUDIENCE")
@json_option
@var_option
def preflight(audience: str, as_json: bool) -> None:
    """Say who of an audience could be mailed.

    Of the people on its list in Klaviyo, whoever put them there, and of those whose adds wait in its queue: how many
    are subscribed, never subscribed, unsubscribed, suppressed (by reason), or unknown to Klaviyo, by e-mail and by
    SMS. Nothing is changed. It reads all of the list, some 67,500 people a minute, within the limits that Ferry's
    workers share. AUDIENCE is its id or name, or the id of its queue.
    """
    known = settings.load()
    with ledger(known) as redis:
        queue = find_audience(audience, take_census(redis).queues, None)
        if queue is None:
            raise click.UsageError(f"there is no audience {audience!r}; `ferry status` lists those there are")
        found = _survey(redis, known, queue)
    if as_json:
        print_json(preflight_view.as_json(found))
        return
    out = console()
    out.print(as_table(found))
    for line in ("", *remarks(found)):
        out.print(line)


def _survey(redis: Redis, known: Settings, queue: Queue) -> Found:
    to = going_to(redis, known, queue)
    to_come = waiting(undelivered.changes(redis, queue), to.rules)
    with opened(redis, known, to) as klaviyo:
        return _asked(redis, klaviyo, queue, list_id(redis, klaviyo, queue, to), to_come)


def _asked(redis: Redis, klaviyo: Klaviyo, queue: Queue, listed_on: str | None, to_come: Waiting) -> Found:
    total = _on_list(redis, queue)
    _say_how_long(total, len(to_come.joining))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True)) as progress:
        listed, on_list = Standing(), set[str]()
        if listed_on is not None:
            task = progress.add_task("on the list", total=total)
            listed, on_list = surveying.members(
                klaviyo, listed_on, to_come.joining.keys(), lambda people: progress.advance(task, people)
            )
        rest = to_come.joining.keys() - on_list
        waits = progress.add_task("waiting", total=len(rest))
        joining = surveying.others(klaviyo, rest, listed_on, lambda people: progress.advance(waits, people))
    return Found(str(queue), listed_on, listed, joining, len(to_come.leaving), to_come.left_out)


def _on_list(redis: Redis, queue: Queue) -> int | None:
    """How many Ferry knows to be on the list; Klaviyo tells it 15 times a minute only, and None is as good."""
    if not members.is_kept(redis, queue):
        return None
    parts = [range(start, start + 256) for start in range(0, members.BUCKETS, 256)]
    return sum(len(bucket.members) for part in parts for bucket in members.read(redis, queue, part).values())


def _say_how_long(total: int | None, waits: int) -> None:
    rate = f"{number(surveying.PAGES_A_MINUTE)} pages of 100 people a minute"
    if total is None:
        size = f"the list, of unknown length, and {plural(waits, 'person waits', 'people wait')}; {rate}"
    else:
        took = surveying.minutes(total) + surveying.minutes(waits)
        size = (
            f"{plural(total, 'person', 'people')} on the list, {number(waits)} waiting: {took:,.1f} minutes at {rate}"
        )
    echo(f"To be asked for: {size}.", err=True)
