"""`ferry dead`: look at dead letters, take them elsewhere, send them again, or delete them."""

from __future__ import annotations

import click

from commands.dead_export import export
from commands.options import filters, json_option, var_option
from commands.over_url import UrlAwareGroup
from configuration import settings
from ops import actions
from ops.audit_format import by
from ops.client.choose import installation
from ops.dead_letters.selecting import LetterQuery, selected_letters
from ops.dead_letters.view import listing
from ops.errors import Failed
from ops.ledger import ledger
from ops.output import console, echo, print_json
from queues import undecided_erasures
from queues.clock import now_ms
from text.escaping import visible
from text.wording import plural


@click.group(cls=UrlAwareGroup)
def dead() -> None:
    """List dead letters and replay them.

    Dead letters are changes that Klaviyo or the mapping refused, kept with the reason. A letter goes away when it
    is replayed, purged, or overtaken by a later change of the same person; the oldest do beyond 10,000 in a queue
    or 30 days, after an alarm in the scheduler's log.
    """


dead.add_command(export)


@dead.command("list")
@filters
@json_option
@var_option
def list_(queue: str | None, reason: str | None, older_ms: int, as_json: bool) -> None:
    """List dead letters, without anything of the persons."""
    with installation() as ferry:
        found = list(ferry.letters(LetterQuery((), queue, reason, older_ms)))
    if as_json:
        print_json(found)
    else:
        console().print(listing(found, now_ms()))


@dead.command()
@click.argument("letter_id", metavar="ID")
@click.option("--queue", metavar="QUEUE", help="Its queue, where the id is in several.")
@click.option("--personal-data", is_flag=True, help="Print the person too: addresses, phone numbers, attributes.")
@var_option
def show(letter_id: str, queue: str | None, personal_data: bool) -> None:
    """Print one letter as JSON.

    What was to be done, when, and why it could not be.
    """
    with installation() as ferry:
        print_json(ferry.letter(letter_id, queue, personal_data))
    if not personal_data:
        echo("The person, and what Klaviyo said of them, is shown with --personal-data.", err=True)


@dead.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@filters
@click.option("--all", "every", is_flag=True, help="All there are.")
@var_option
def replay(ids: tuple[str, ...], queue: str | None, reason: str | None, older_ms: int, every: bool) -> None:
    """Send letters again.

    Those with the ids, or all that the filters fit, are put back into their queues. They are delivered with what
    waits there, by the settings as they are now. Whoever has changed since ends where the later change says.
    """
    wanted = _wanted(LetterQuery(ids, queue, reason, older_ms), every)
    with installation(writes=True) as ferry:
        done = ferry.replay(wanted)
    echo(f"{plural(done.replayed, 'dead letter')} put back; `ferry flush` sends them at once.")
    if done.stayed:
        raise Failed(
            f"{plural(done.stayed, 'dead letter stays', 'dead letters stay')}, for a delivery of the same person is "
            "under way; try again then"
        )


@dead.command()
@click.argument("letter_id", metavar="ID")
@click.option("--queue", metavar="QUEUE", help="Its queue, where the id is in several.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@var_option
def confirm(letter_id: str, queue: str | None, yes: bool) -> None:
    """Carry an erasure out that needs a look.

    Says that the profiles which the letter names (`ferry dead show`) are those of the person who asked: Ferry forgets
    what it has of their addresses, and Klaviyo deletes them. To leave them, purge the letter.
    """
    with installation(writes=True) as ferry:
        letter = ferry.letter(letter_id, queue, False)
        profiles = letter.erasure.profiles if letter.erasure else []
        named = [f"{visible(each.id)} (found by {each.found_by})" for each in profiles]
        if letter.reason == undecided_erasures.REASON and not yes:
            what = f"profiles {', '.join(named)}" if named else "everybody for whom its identifiers stand"
            click.confirm(f"Delete {what} at Klaviyo for good?", abort=True, err=True)
        done = ferry.confirm(letter_id, letter.queue)
    if done.stayed:
        raise Failed("the letter stays, for another erasure of the same person is under way; try again then")
    echo("Confirmed: the erasure is carried out at once, unless its queue is held.")


@dead.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@filters
@click.option("--all", "every", is_flag=True, help="All there are.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@var_option
def purge(ids: tuple[str, ...], queue: str | None, reason: str | None, older_ms: int, every: bool, yes: bool) -> None:
    """Delete letters for good.

    Those with the ids, or all that the filters fit. They stay counted as dead.
    """
    wanted = _wanted(LetterQuery(ids, queue, reason, older_ms), every)
    with ledger(settings.load(), writes=True) as redis:
        letters = selected_letters(redis, wanted)
        total = sum(len(found) for found in letters.values())
        if total and not yes:
            click.confirm(f"Delete {plural(total, 'dead letter')} for good?", abort=True, err=True)
        purged = actions.purge(redis, by(), letters)
    echo(f"{plural(purged, 'dead letter')} deleted.")


def _wanted(wanted: LetterQuery, every: bool) -> LetterQuery:
    if wanted.everything != every:
        raise click.UsageError("say which: ids, or --queue, --reason and --older-than, or --all alone")
    return wanted
