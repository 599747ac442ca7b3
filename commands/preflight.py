"""`ferry preflight`: who of an audience would get a message, before anybody sends one.

What a preflight found, for people and programs. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import click
from redis import Redis
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from commands.options import json_option, var_option
from configuration import settings
from configuration.settings import Settings
from klaviyo.client import Klaviyo
from ops import preflight as preflight_checks
from ops.export.joining import PendingMembers, waiting
from ops.export.mailable import CHANNELS, STATES, ChannelReach
from ops.klaviyo_list import going_to, list_id, opened
from ops.ledger import ledger
from ops.output import console, echo, print_json, table
from ops.targets import find_audience
from queues import census
from queues.census import take_census
from queues.names import Queue
from queues.snapshots import members
from text.wording import number, plural


@click.command()
@click.argument("audience", metavar="AUDIENCE")
@json_option
@var_option
def preflight(audience: str, as_json: bool) -> None:
    """Count who of an audience can be mailed.

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
        found = _check(redis, known, queue)
    if as_json:
        print_json(view_json(found))
        return
    out = console()
    out.print(as_table(found))
    for line in ("", *remarks(found)):
        out.print(line)


def _check(redis: Redis, known: Settings, queue: Queue) -> Preflight:
    to = going_to(redis, known, queue)
    to_come = waiting(census.changes(redis, queue), to.rules)
    with opened(redis, known, to) as klaviyo:
        return _asked(redis, klaviyo, queue, list_id(redis, klaviyo, queue, to), to_come)


def _asked(redis: Redis, klaviyo: Klaviyo, queue: Queue, listed_on: str | None, to_come: PendingMembers) -> Preflight:
    total = _on_list(redis, queue)
    _say_how_long(total, len(to_come.joining))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True)) as progress:
        listed, on_list = ChannelReach(), set[str]()
        if listed_on is not None:
            task = progress.add_task("on the list", total=total)
            listed, on_list = preflight_checks.members(
                klaviyo, listed_on, to_come.joining.keys(), lambda people: progress.advance(task, people)
            )
        rest = to_come.joining.keys() - on_list
        waits = progress.add_task("waiting", total=len(rest))
        joining = preflight_checks.others(klaviyo, rest, listed_on, lambda people: progress.advance(waits, people))
    return Preflight(str(queue), listed_on, listed, joining, len(to_come.leaving), to_come.left_out)


def _on_list(redis: Redis, queue: Queue) -> int | None:
    """How many Ferry knows to be on the list; Klaviyo tells it 15 times a minute only, and None is as good."""
    if not members.is_kept(redis, queue):
        return None
    parts = [range(start, start + 256) for start in range(0, members.BUCKETS, 256)]
    return sum(len(bucket.members) for part in parts for bucket in members.read(redis, queue, part).values())


def _say_how_long(total: int | None, waits: int) -> None:
    rate = f"{number(preflight_checks.PAGES_A_MINUTE)} pages of 100 people a minute"
    if total is None:
        size = f"the list, of unknown length, and {plural(waits, 'person waits', 'people wait')}; {rate}"
    else:
        took = preflight_checks.minutes(total) + preflight_checks.minutes(waits)
        size = (
            f"{plural(total, 'person', 'people')} on the list, {number(waits)} waiting: {took:,.1f} minutes at {rate}"
        )
    echo(f"To be asked for: {size}.", err=True)


_COLUMNS: Final = ("On the list: e-mail", "SMS", "Waiting: e-mail", "SMS ")
MEANING: Final = (
    "Being on a list is no consent, and Ferry changes none by putting somebody on one. Klaviyo skips the suppressed "
    "and the unsubscribed when it sends, and by SMS everybody who is not subscribed. The never subscribed do get "
    "e-mail: nothing in Klaviyo forbids it, so see that you may send it."
)


@dataclass(frozen=True, slots=True)
class Preflight:
    """`list_id`: None where Klaviyo has no list yet. `waiting`: those who are not on it yet.

    `leaving`, `left_out`: see `joining.Waiting`.
    """

    queue: str
    list_id: str | None
    members: ChannelReach
    waiting: ChannelReach
    leaving: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)


def view_json(found: Preflight) -> dict[str, Any]:
    """For programs: the same numbers."""
    waiting = {**_reach(found.waiting), "left_out": dict(found.left_out), "leaving": found.leaving}
    told = {"queue": found.queue, "list_id": found.list_id}
    return {**told, "members": _reach(found.members), "waiting": waiting}


def _reach(reach: ChannelReach) -> dict[str, Any]:
    told: dict[str, Any] = {"people": reach.people, "unknown": reach.unknown}
    for channel in CHANNELS:
        told[channel] = {state.replace(" ", "_"): reach.states[channel][state] for state in STATES}
    return {**told, "suppressed_by_reason": dict(reach.suppressed)}


def as_table(found: Preflight) -> Table:
    """One line for each state, and the reasons of the suppressed below them."""
    made = table("", *_COLUMNS, right=_COLUMNS)
    for state in STATES:
        made.add_row(state, *(number(s.states[channel][state]) for s in _both(found) for channel in CHANNELS))
        if state == "suppressed":
            for reason in sorted(found.members.suppressed | found.waiting.suppressed):
                of_reason = [number(reach.suppressed[reason]) for reach in _both(found)]
                made.add_row(f"  {reason}", of_reason[0], "", of_reason[1], "")
    made.add_row("unknown to Klaviyo", *(number(s.unknown) for s in _both(found) for _ in CHANNELS))
    made.add_row("people", *(number(s.people) for s in _both(found) for _ in CHANNELS))
    return made


def _both(found: Preflight) -> tuple[ChannelReach, ChannelReach]:
    return found.members, found.waiting


def remarks(found: Preflight) -> Iterator[str]:
    """What the table does not say."""
    if found.list_id is None:
        yield "Klaviyo has no list of this audience yet; Ferry makes it with the first upload."
    if found.leaving:
        yield f"{plural(found.leaving, 'removal')} of members that wait are not taken off these numbers."
    for reason, people in sorted(found.left_out.items()):
        yield f"{plural(people, 'waiting person', 'waiting people')} cannot be sent: {reason}."
    yield MEANING
