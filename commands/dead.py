"""`ferry dead`: list, show, export, replay and purge dead letters."""

from __future__ import annotations

import click

from commands.dead_dry_run import dry_run_option, rehearse
from commands.dead_export import export
from commands.main import UrlAwareGroup
from commands.options import filters, json_option, var_option
from configuration import settings
from ops import actions
from ops.client.installation import installation
from ops.dead_letters.selecting import LetterQuery, selected_letters
from ops.dead_letters.view import LISTED, listing, newest
from ops.errors import Failed
from ops.ledger import by, ledger
from ops.output import console, echo, print_json
from queues import undecided_erasures
from queues.clock import now_ms
from text.escaping import visible
from text.wording import plural


@click.group(cls=UrlAwareGroup)
def dead() -> None:
    """List dead letters and replay them.

    Dead letters are changes that Klaviyo or the mapping refused, kept with the reason. A letter ends when it is
    replayed, purged, or superseded by a newer change of the same person. The oldest are deleted beyond 10,000 per
    queue or after 30 days, after an alarm in the scheduler's log.

    \b
    Examples:
      ferry dead list --queue VIPs
      ferry dead replay --reason no_api_key --dry-run
    """


dead.add_command(export)


@dead.command("list")
@filters
@click.option(
    "--limit", type=click.IntRange(1), help=f"Most letters, the newest.  [default: {LISTED}; with --json all]"
)
@json_option
@var_option
def list_(queue: str | None, reason: str | None, older_ms: int, limit: int | None, as_json: bool) -> None:
    """List dead letters, without personal data.

    The counts by reason are of all letters that match.

    \b
    Examples:
      ferry dead list
      ferry dead list --reason no_email --older-than 7d
      ferry dead list --queue VIPs --limit 500 --json
    """
    with installation() as ferry:
        found = list(ferry.letters(LetterQuery((), queue, reason, older_ms)))
    if as_json:
        shown = found if limit is None else newest(found, limit)
        print_json(shown)
        if len(shown) < len(found):
            echo(f"{plural(len(found) - len(shown), 'older dead letter')} not listed (--limit).", err=True)
    else:
        console().print(listing(found, now_ms(), limit or LISTED), crop=False)


@dead.command()
@click.argument("letter_id", metavar="ID")
@click.option("--queue", metavar="QUEUE", help="The letter's queue, if several have this id.")
@click.option("--personal-data", is_flag=True, help="Also print personal data: addresses, phone numbers, attributes.")
@var_option
def show(letter_id: str, queue: str | None, personal_data: bool) -> None:
    """Print one letter as JSON.

    Shows the change, its times, and why it could not be delivered.

    \b
    Examples:
      ferry dead show 1767225599999-0
      ferry dead show 1767225599999-0 --personal-data
    """
    with installation() as ferry:
        print_json(ferry.letter(letter_id, queue, personal_data))
    if not personal_data:
        echo("Add --personal-data to see the person and Klaviyo's answer.", err=True)


@dead.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@filters
@click.option("--all", "every", is_flag=True, help="All dead letters.")
@dry_run_option
@json_option
@var_option
def replay(
    ids: tuple[str, ...],
    queue: str | None,
    reason: str | None,
    older_ms: int,
    every: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send dead letters again.

    Puts the letters with these ids, or all that match the filters, back into their queues. They are delivered with the
    pending changes, under the current settings. If a person has changed since, the newer change wins.

    \b
    Examples:
      ferry dead replay 1767225599999-0
      ferry dead replay --queue VIPs --reason no_api_key --dry-run
      ferry dead replay --all
    """
    wanted = _wanted(LetterQuery(ids, queue, reason, older_ms), every)
    if dry_run:
        rehearse(wanted, "would be put back", as_json)
        return
    with installation(writes=True) as ferry:
        done = ferry.replay(wanted)
    if as_json:
        print_json({"replayed": done.replayed, "stayed": done.stayed})
    echo(f"{plural(done.replayed, 'dead letter')} put back; `ferry flush` sends them now.")
    if done.stayed:
        raise Failed(
            f"{plural(done.stayed, 'dead letter stays', 'dead letters stay')}, because a delivery of the same person "
            "is in progress; try again when it has ended"
        )


@dead.command()
@click.argument("letter_id", metavar="ID")
@click.option("--queue", metavar="QUEUE", help="The letter's queue, if several have this id.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@var_option
def confirm(letter_id: str, queue: str | None, yes: bool, as_json: bool) -> None:
    """Carry out an erasure that needs confirmation.

    Confirms that the profiles in the letter (`ferry dead show`) belong to the person who asked: Ferry deletes what it
    knows of their addresses, and Klaviyo deletes the profiles. To keep them, purge the letter.

    \b
    Examples:
      ferry dead confirm 1767225599999-0
      ferry dead confirm 1767225599999-0 --queue default/erasure/erasures --yes
    """
    with installation(writes=True) as ferry:
        letter = ferry.letter(letter_id, queue, False)
        profiles = letter.erasure.profiles if letter.erasure else []
        named = [f"{visible(each.id)} (found by {each.found_by})" for each in profiles]
        if letter.reason == undecided_erasures.REASON and not yes:
            what = f"profiles {', '.join(named)}" if named else "every profile with its identifiers"
            click.confirm(f"Permanently delete {what} in Klaviyo?", abort=True, err=True)
        done = ferry.confirm(letter_id, letter.queue)
    if as_json:
        print_json({"replayed": done.replayed, "stayed": done.stayed})
    if done.stayed:
        raise Failed(
            "the letter stays, because another erasure of the same person is in progress; try again when it has ended"
        )
    echo("Confirmed: the erasure is carried out now, unless its queue is held.")


@dead.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@filters
@click.option("--all", "every", is_flag=True, help="All dead letters.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@dry_run_option
@json_option
@var_option
def purge(
    ids: tuple[str, ...],
    queue: str | None,
    reason: str | None,
    older_ms: int,
    every: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Delete dead letters permanently.

    Deletes the letters with these ids, or all that match the filters. They still count as dead.

    \b
    Examples:
      ferry dead purge 1767225599999-0 --yes
      ferry dead purge --reason no_email --older-than 7d --dry-run
    """
    wanted = _wanted(LetterQuery(ids, queue, reason, older_ms), every)
    if dry_run:
        rehearse(wanted, "would be deleted", as_json)
        return
    with ledger(settings.load(), writes=True) as redis:
        letters = selected_letters(redis, wanted)
        total = sum(len(found) for found in letters.values())
        if total and not yes:
            click.confirm(f"Permanently delete {plural(total, 'dead letter')}?", abort=True, err=True)
        purged = actions.purge(redis, by(), letters)
    if as_json:
        print_json({"purged": purged})
    echo(f"{plural(purged, 'dead letter')} deleted.")


def _wanted(wanted: LetterQuery, every: bool) -> LetterQuery:
    if wanted.everything != every:
        raise click.UsageError("name the letters: ids, or --queue, --reason and --older-than, or --all alone")
    return wanted
