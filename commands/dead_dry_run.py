"""`--dry-run` of `ferry dead replay` and `purge`: count the letters that are meant, and do nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import click

from commands.options import Command
from ops.client.installation import Installation, installation
from ops.dead_letters.selecting import LetterQuery
from ops.dead_letters.view import LetterDocument
from ops.output import console, echo, print_json
from ops.unbroken import StackedTable
from queues.counts import named
from queues.names import Queue
from text.escaping import visible
from text.wording import number, plural


def dry_run_option(command: Command) -> Command:
    """Add `--dry-run`."""
    return click.option("--dry-run", is_flag=True, help="Only count the letters, by queue and reason.")(command)


def rehearse(wanted: LetterQuery, what: str, as_json: bool) -> None:
    """Print how many letters are meant, by queue and reason. `what`: what would be done with them."""
    with installation() as ferry:
        found = list(_letters(ferry, wanted))
    reasons: defaultdict[tuple[str, str | None], Counter[str]] = defaultdict(Counter)
    for letter in found:
        reasons[letter.queue, letter.audience][letter.reason] += 1
    if as_json:
        print_json({"letters": len(found), "queues": [_document(*each, reasons[each]) for each in reasons]})
        return
    made = StackedTable("Queue", "Reason", "Letters", right=("Letters",))
    for (queue, audience), counts in reasons.items():
        for reason, letters in counts.most_common():
            made.add_row([named(Queue.parse(queue), audience), visible(reason), number(letters)], queue)
    if found:
        console().print(made, crop=False)
    echo(f"{plural(len(found), 'dead letter')} {what}; nothing was done (--dry-run).")


def _letters(ferry: Installation, wanted: LetterQuery) -> Iterable[LetterDocument]:
    if wanted.ids:
        return (ferry.letter(letter_id, wanted.queue, False) for letter_id in wanted.ids)
    return ferry.letters(wanted)


def _document(queue: str, audience: str | None, counts: Counter[str]) -> dict[str, Any]:
    return {"queue": queue, "audience": audience, "letters": counts.total(), "reasons": dict(counts.most_common())}
