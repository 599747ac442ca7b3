"""`ferry flush`: send pending changes now, whatever their number and age.

Waits for what a flush asked for, and says how it ended.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from commands.options import var_option
from ops.client.choose import Installation, installation
from ops.dead_letters.selecting import LetterQuery
from ops.errors import Failed
from ops.flush_request import FlushRequest
from ops.output import console, echo
from ops.targets import find_queue
from queues.census import Census
from queues.counts import called
from queues.names import Queue
from text.escaping import visible
from text.wording import number, plural


@click.command()
@click.argument("queues", metavar="QUEUE...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All queues.")
@click.option("--wait", is_flag=True, help="Wait until all of it is settled; exit code 1 if some became dead letters.")
@var_option
def flush(queues: tuple[str, ...], every: bool, wait: bool) -> None:
    """Send pending changes now.

    All of it goes, in uploads as large as the settings allow; what comes later waits as ever. QUEUE is the id of
    a queue (`default/audience/42`), or the audience's id or name, or `events`, `consents` and the like, where only
    one queue has it. Batches of consents stay open for three minutes, which Klaviyo may take.
    """
    if bool(queues) == every:
        raise click.UsageError("name at least one QUEUE, or --all, and not both; `ferry status` lists them")
    with installation(writes=True) as ferry:
        census = ferry.census()
        asked = ferry.flush([found.queue for found in census.queues] if every else _chosen(queues, census))
        for request in asked.flushes:
            tell(request, census)
        if wait:
            wait_for(ferry.census, asked.flushes, every_s=ferry.every_s)
            report(ferry, asked.flushes, asked.at)


def _chosen(given: tuple[str, ...], census: Census) -> list[Queue]:
    return sorted({find_queue(name, census.queues) for name in given})


def tell(request: FlushRequest, census: Census) -> None:
    """Say what was asked for in one queue of the census."""
    (found,) = (count for count in census.queues if count.queue == request.queue)
    what = f"{plural(request.asked, 'change')} asked for" if request.asked else "nothing waits"
    hold = census.holds.get(found.queue.connection) or found.hold
    held = (
        f"; it is held ({visible(hold.reason)}), so nothing is sent before `ferry release`"
        if hold and request.asked
        else ""
    )
    echo(f"{called(found)}  {found.queue}: {what}{held}")


def wait_for(
    look: Callable[[], Census], flushes: Sequence[FlushRequest], patience_s: float = math.inf, every_s: float = 0.25
) -> None:
    """Show a progress bar until all that can be settled is. Raises Failed for what is held, and when it takes too long.

    `look`: takes a census, and is called `every_s` seconds.
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
        # What is settled before the first look was asked for too.
        total = sum(request.asked for request in flushes)
        while left := _remaining(census := look(), flushes):
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


def _remaining(census: Census, flushes: Sequence[FlushRequest]) -> dict[Queue, int]:
    """The changes that are not settled yet, by queue; none for a queue that is done."""
    counts = {found.queue: found for found in census.queues}
    # A census from elsewhere may be a second old, and not know a queue yet.
    left = {each.queue: each.remaining(counts[each.queue]) if each.queue in counts else each.asked for each in flushes}
    return {queue: remaining for queue, remaining in left.items() if remaining}


def _held(census: Census, left: Mapping[Queue, int]) -> dict[Queue, str]:
    """What to say of those of the queues that are held."""
    said = {}
    for found in census.queues:
        hold = census.holds.get(found.queue.connection) or found.hold
        if hold and found.queue in left:
            on = found.queue.connection if found.queue.connection in census.holds else found.queue
            one, many = f"change of {found.queue} stays where it is", f"changes of {found.queue} stay where they are"
            reason, resolve = visible(hold.reason), visible(hold.resolve)
            said[found.queue] = (
                f"{on} is held ({reason}); {plural(left[found.queue], one, many)}. {resolve}\n"
                f"Let it go on with: ferry release {on}"
            )
    return said


def _check_processes(census: Census) -> None:
    if census.heartbeat is None:
        raise Failed("no scheduler is there to take it. Start `ferry scheduler` or `ferry up`; it stays asked for.")
    if not census.workers:
        raise Failed("no worker is there to deliver it. Start `ferry worker` or `ferry up`; it stays asked for.")


def report(ferry: Installation, flushes: Sequence[FlushRequest], since: int) -> None:
    """Say that all is settled. Raises Failed when some changes became dead letters after `since` (ms)."""
    died: dict[str, Counter[str]] = {str(request.queue): Counter() for request in flushes}
    for letter in ferry.letters(LetterQuery(since=since)):
        if letter.queue in died:
            died[letter.queue][letter.reason] += 1
    lines = [
        f"  {queue}: " + ", ".join(f"{number(n)} {visible(reason)}" for reason, n in reasons.most_common())
        for queue, reasons in died.items()
        if reasons
    ]
    asked = sum(request.asked for request in flushes)
    if lines:
        dead = sum(reasons.total() for reasons in died.values())
        became = plural(dead, "change became a dead letter", "changes became dead letters")
        told = "\n".join(lines)
        raise Failed(f"all settled, but {became}:\n{told}\nSee `ferry dead list`.")
    echo(f"All settled: {plural(asked, 'change')} asked for, none became a dead letter.")
