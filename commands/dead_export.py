"""`ferry dead export`: export dead letters for other programs and for Klaviyo's import."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from redis import Redis

from commands.options import csv_safe_option, filters, var_option
from configuration import settings
from configuration.settings import Settings
from ops.dead_letters.csv_file import LettersCsv, sheet
from ops.dead_letters.selecting import LetterQuery, find
from ops.dead_letters.view import traceable, whole
from ops.errors import Failed
from ops.export.columns import LARGEST, create
from ops.ledger import ledger
from ops.output import echo, echo_file, json_line
from queues.connections.accounts import Cipher
from queues.counts import QueueCount
from queues.dead_letters import DeadLetter
from text.wording import number, plural
from worker.connection import rules_of
from worker.errors import Held

_Found = Sequence[tuple[QueueCount, DeadLetter]]


@click.command()
@filters
@click.option("--csv", "as_csv", is_flag=True, help="A CSV for Klaviyo's import: the people who join one audience.")
@csv_safe_option
@click.option("--personal-data", is_flag=True, help="Also print personal data: addresses, phone numbers, attributes.")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this new file, with personal data; only you can read it.",
)
@var_option
def export(
    queue: str | None,
    reason: str | None,
    older_ms: int,
    as_csv: bool,
    csv_safe: bool,
    personal_data: bool,
    output: Path | None,
) -> None:
    """Export dead letters: one line of JSON each, or a CSV.

    The letters stay. A CSV contains the people that one audience's letters add to its list, mapped by the current
    settings; people who leave the audience or cannot be mapped are left out and counted. There is no CSV for events,
    consents, erasures and profiles. Cells are exact, because Klaviyo reads them: to open the file in a spreadsheet,
    add --csv-safe.

    \b
    Examples:
      ferry dead export > letters.ndjson
      ferry dead export --queue VIPs --csv --output vips.csv
    """
    persons = personal_data or output is not None
    if as_csv and not persons:
        raise click.UsageError("a CSV contains personal data: add --personal-data, or --output FILE")
    if csv_safe and not as_csv:
        raise click.UsageError("--csv-safe applies to a CSV: add --csv")
    known = settings.load()
    with ledger(known) as redis:
        found = list(find(redis, LetterQuery((), queue, reason, older_ms)))
        content = _csv(redis, known, found, csv_safe) if as_csv else _lines(found, persons)
    if output is None:
        echo_file(content)
    else:
        with create(output) as file:
            file.write(content)
        echo(f"{plural(len(found), 'dead letter')} read; {output} was written.", err=True)
    if not persons:
        echo("Add --personal-data to see the people and Klaviyo's answers.", err=True)


def _lines(found: _Found, persons: bool) -> bytes:
    view = whole if persons else traceable
    lines = [json_line(view(letter, count.name)) for count, letter in found]
    return "".join(f"{line}\n" for line in lines).encode()


def _csv(redis: Redis, known: Settings, found: _Found, safe: bool) -> bytes:
    queues = sorted({count.queue for count, _ in found})
    if not queues:
        raise Failed("no dead letters match")
    if len(queues) > 1:
        raise click.UsageError(
            f"the letters are of {len(queues)} queues, but a CSV is for one audience: name it with --queue"
        )
    if queues[0].kind != "audience":
        raise click.UsageError(
            f"letters of {queues[0]} add nobody to a list, so there is no CSV for them: omit --csv for lines of JSON"
        )
    try:
        rules = rules_of(redis, known.connections, Cipher(known.secret_keys), queues[0])
    except Held as held:
        raise Failed(f"the people cannot be mapped: {held}") from held
    made = sheet([letter.change for _, letter in found], rules, safe=safe)
    _report(made)
    return made.content


def _report(made: LettersCsv) -> None:
    left_out = ", ".join(f"{number(people)} {why}" for why, people in made.left_out.items())
    echo(f"{plural(made.people, 'person', 'people')} in the CSV; left out: {left_out or 'nobody'}.", err=True)
    if len(made.content) > LARGEST:
        echo("The CSV is larger than the 50 MB that Klaviyo accepts: export parts with --older-than.", err=True)
