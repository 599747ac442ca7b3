"""`ferry flush`: send pending changes now, and wait for the result if asked to."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from commands.options import json_option, var_option
from ops import status_words as words
from ops.actions import FlushRequest, FlushRequests
from ops.client.installation import Installation, installation
from ops.dead_letters.selecting import LetterQuery
from ops.errors import Failed
from ops.output import console, echo, print_json
from ops.targets import find_queue
from queues.census import Census
from queues.counts import called
from queues.names import Queue
from text.escaping import visible
from text.wording import moment, number, plural


@click.command()
@click.argument("queues", metavar="QUEUE...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All queues.")
@click.option(
    "--wait", is_flag=True, help="Wait until all changes are settled; exit code 1 if some became dead letters."
)
@json_option
@var_option
def flush(queues: tuple[str, ...], every: bool, wait: bool, as_json: bool) -> None:
    """Send pending changes now.

    Sends all pending changes, in uploads as large as the settings allow; later changes wait as usual. QUEUE is the id
    of a queue (`default/audience/42`), an audience's id or name, or a kind such as `events` or `consents`, if only one
    queue has it. Batches of consents stay in progress for three minutes, because Klaviyo may take that long.

    \b
    Examples:
      ferry flush VIPs --wait
      ferry flush default/audience/42 events
      ferry flush --all --json
    """
    if bool(queues) == every:
        raise click.UsageError("name at least one QUEUE, or --all, and not both; `ferry status` lists them")
    with installation(writes=True) as ferry:
        census = ferry.census() if every else ferry.some({find_queue(name, ferry.meant(name)) for name in queues})
        asked = ferry.flush([found.queue for found in census.queues])
        for request in asked.flushes:
            tell(request, census)
        died: dict[str, Counter[str]] | None = None
        if wait:
            wait_for(ferry.some, asked.flushes, every_s=ferry.every_s)
            died = _died(ferry, asked)
        if as_json:
            print_json(_document(asked, died))
        if died is not None:
            _report(asked.flushes, died)


def _document(asked: FlushRequests, died: dict[str, Counter[str]] | None) -> dict[str, Any]:
    """Return what the API answers to a flush. `died`: after --wait, the new dead letters by queue and reason."""
    queues = [{"queue": str(each.queue), "asked": each.asked, "upto": each.upto} for each in asked.flushes]
    document: dict[str, Any] = {"at": moment(asked.at), "queues": queues}
    return document if died is None else {**document, "dead": {queue: dict(counts) for queue, counts in died.items()}}


def tell(request: FlushRequest, census: Census) -> None:
    """Print what was requested of one queue of the census."""
    (found,) = (count for count in census.queues if count.queue == request.queue)
    what = f"{plural(request.asked, 'change')} to be sent" if request.asked else "no pending changes"
    hold = census.holds.get(found.queue.connection) or found.hold
    held = (
        f"; it is held ({words.reason_of(hold)}), so nothing is sent until the hold ends"
        if hold and request.asked
        else ""
    )
    launch = (
        f"; it is launched at {moment(request.launches_at)}, and nothing is sent before" if request.launches_at else ""
    )
    echo(f"{called(found)}  {found.queue}: {what}{held}{launch}")


def wait_for(
    look: Callable[[Sequence[Queue]], Census],
    flushes: Sequence[FlushRequest],
    patience_s: float = math.inf,
    every_s: float = 0.25,
) -> None:
    """Show a progress bar until the flushes are settled. Raises Failed when the rest is held, and on a timeout.

    `look` takes a census of the queues that are not done; it is called every `every_s` seconds.
    """
    deadline = time.monotonic() + patience_s
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console(stderr=True),
    ) as progress:
        task = progress.add_task("settled", total=None)
        # Changes that settle before the first census were requested too.
        total = sum(request.asked for request in flushes)
        left = {request.queue: request.asked for request in flushes}
        while left := _remaining(census := look(list(left)), flushes, left):
            held = _held(census, left)
            total = max(total, sum(left.values()))
            progress.update(task, total=total, completed=total - sum(left.values()))
            if len(held) == len(left):
                raise Failed("\n".join(held.values()))
            _check_processes(census)
            if time.monotonic() > deadline:
                raise Failed(f"{plural(sum(left.values()), 'change')} not settled within {patience_s:g} s")
            time.sleep(every_s)
        progress.update(task, total=total, completed=total)


def _remaining(census: Census, flushes: Sequence[FlushRequest], before: Container[Queue]) -> dict[Queue, int]:
    """Return the number of unsettled changes by queue, without the queues that are done. `before`: not yet done."""
    counts = {found.queue: found for found in census.queues}
    # A remote census may be a second old and lack a new queue.
    waited = [each for each in flushes if each.queue in before]
    left = {each.queue: each.remaining(counts[each.queue]) if each.queue in counts else each.asked for each in waited}
    return {queue: remaining for queue, remaining in left.items() if remaining}


def _held(census: Census, left: Mapping[Queue, int]) -> dict[Queue, str]:
    """Return a message for each queue that is held."""
    messages = {}
    for found in census.queues:
        hold = census.holds.get(found.queue.connection) or found.hold
        if hold and found.queue in left:
            on = found.queue.connection if found.queue.connection in census.holds else found.queue
            one, many = f"change of {found.queue} stays where it is", f"changes of {found.queue} stay where they are"
            reason, resolve = words.reason_of(hold), visible(hold.resolve)
            messages[found.queue] = (
                f"{on} is held ({reason}); {plural(left[found.queue], one, many)}. {resolve}\n"
                f"To release it: ferry release {on}"
            )
    return messages


def _check_processes(census: Census) -> None:
    if census.heartbeat is None:
        raise Failed("no scheduler is running. Start `ferry scheduler` or `ferry up`; the flush stays requested.")
    if not census.workers:
        raise Failed("no worker is running. Start `ferry worker` or `ferry up`; the flush stays requested.")


def _died(ferry: Installation, asked: FlushRequests) -> dict[str, Counter[str]]:
    """Return the dead letters since the flush, by queue and reason."""
    died: dict[str, Counter[str]] = {str(request.queue): Counter() for request in asked.flushes}
    for letter in ferry.letters(LetterQuery(since=asked.at)):
        if letter.queue in died:
            died[letter.queue][letter.reason] += 1
    return died


def _report(flushes: Sequence[FlushRequest], died: Mapping[str, Counter[str]]) -> None:
    """Print that all is settled. Raises Failed when changes became dead letters."""
    lines = [
        f"  {queue}: " + ", ".join(f"{number(n)} {visible(reason)}" for reason, n in reasons.most_common())
        for queue, reasons in died.items()
        if reasons
    ]
    asked = sum(request.asked for request in flushes)
    if lines:
        dead = sum(reasons.total() for reasons in died.values())
        became = plural(dead, "change became a dead letter", "changes became dead letters")
        letters = "\n".join(lines)
        raise Failed(f"all settled, but {became}:\n{letters}\nSee `ferry dead list`.")
    echo(f"All settled: {plural(asked, 'change')}, no dead letters.")
