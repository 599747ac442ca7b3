"""`ferry preflight`: count the people of an audience who would get a message, before one is sent."""

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
from queues import unsettled
from queues.census import meant
from queues.names import Queue
from queues.snapshots import members
from text.wording import number, plural


@click.command()
@click.argument("audience", metavar="AUDIENCE")
@json_option
@var_option
def preflight(audience: str, as_json: bool) -> None:
    """Count the people of an audience who can be mailed.

    Covers all people on its list in Klaviyo, and those whose adds are pending: how many are subscribed, never
    subscribed, unsubscribed, suppressed (by reason), or unknown to Klaviyo, by e-mail and by SMS. Changes nothing.
    Reads the whole list, about 67,500 people a minute, within the limits that Ferry's workers share. AUDIENCE is its
    id or name, or the id of its queue.

    \b
    Examples:
      ferry preflight VIPs
      ferry preflight 42 --json
    """
    known = settings.load()
    with ledger(known) as redis:
        queue = find_audience(audience, meant(redis, audience), None)
        if queue is None:
            raise click.UsageError(f"there is no audience {audience!r}; `ferry status` lists the audiences")
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
    to_come = waiting(unsettled.changes(redis, queue), to.rules)
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
        pending = progress.add_task("pending", total=len(rest))
        joining = preflight_checks.others(klaviyo, rest, listed_on, lambda people: progress.advance(pending, people))
    return Preflight(str(queue), listed_on, listed, joining, len(to_come.leaving), to_come.left_out)


def _on_list(redis: Redis, queue: Queue) -> int | None:
    """Return how many people the ledger has on the list, or None; Klaviyo gives the size only 15 times a minute."""
    if not members.is_kept(redis, queue):
        return None
    parts = [range(start, start + 256) for start in range(0, members.BUCKETS, 256)]
    return sum(len(bucket.members) for part in parts for bucket in members.read(redis, queue, part).values())


def _say_how_long(total: int | None, waits: int) -> None:
    rate = f"{number(preflight_checks.PAGES_A_MINUTE)} pages of 100 people a minute"
    if total is None:
        size = f"the list, of unknown length, and {plural(waits, 'pending person', 'pending people')}; {rate}"
    else:
        took = preflight_checks.minutes(total) + preflight_checks.minutes(waits)
        size = (
            f"{plural(total, 'person', 'people')} on the list, {number(waits)} pending: {took:,.1f} minutes at {rate}"
        )
    echo(f"Looking up {size}.", err=True)


_COLUMNS: Final = ("On the list: e-mail", "SMS", "Pending: e-mail", "SMS ")
MEANING: Final = (
    "Being on a list is not consent, and Ferry changes no consent when it adds a person. Klaviyo skips suppressed and "
    "unsubscribed people when it sends, and by SMS everybody who is not subscribed. People who never subscribed do get "
    "e-mail: Klaviyo does not prevent it, so check that you may send it."
)


@dataclass(frozen=True, slots=True)
class Preflight:
    """The result of a preflight.

    `list_id`: None if Klaviyo has no list yet. `waiting`: people who are not on it yet. `leaving`, `left_out`: see
    `joining.PendingMembers`.
    """

    queue: str
    list_id: str | None
    members: ChannelReach
    waiting: ChannelReach
    leaving: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)


def view_json(found: Preflight) -> dict[str, Any]:
    """Return the same numbers for programs."""
    waiting = {**_reach(found.waiting), "left_out": dict(found.left_out), "leaving": found.leaving}
    return {
        "queue": found.queue,
        "list_id": found.list_id,
        "members": _reach(found.members),
        "waiting": waiting,
    }


def _reach(reach: ChannelReach) -> dict[str, Any]:
    counts: dict[str, Any] = {"people": reach.people, "unknown": reach.unknown}
    for channel in CHANNELS:
        counts[channel] = {state.replace(" ", "_"): reach.states[channel][state] for state in STATES}
    return {**counts, "suppressed_by_reason": dict(reach.suppressed)}


def as_table(found: Preflight) -> Table:
    """Return a table with a row for each state, and the reasons of suppressions below theirs."""
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
    """Yield what the table does not show."""
    if found.list_id is None:
        yield "Klaviyo has no list for this audience yet; Ferry creates it with the first upload."
    if found.leaving:
        yield f"Not deducted from these numbers: {plural(found.leaving, 'pending removal')} of members."
    for reason, people in sorted(found.left_out.items()):
        yield f"{plural(people, 'pending person', 'pending people')} cannot be sent: {reason}."
    yield MEANING
