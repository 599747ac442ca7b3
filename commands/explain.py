"""`ferry explain`: show why a person is on a list or not."""

from __future__ import annotations

import click

from commands.options import json_option, var_option
from configuration import settings
from ops.explain.document import document
from ops.explain.gather import person_history
from ops.explain.view import view
from ops.ledger import ledger
from ops.output import console, print_json
from ops.targets import find_queue
from queues.census import meant, take_some


@click.command()
@click.argument("audience", metavar="AUDIENCE")
@click.argument("person", metavar="PERSON")
@click.option("--connection", metavar="NAME", help="Search only the queues of this connection.")
@click.option("--personal-data", is_flag=True, help="Also print personal data: address, attributes, Klaviyo's answers.")
@json_option
@var_option
def explain(audience: str, person: str, connection: str | None, personal_data: bool, as_json: bool) -> None:
    """Show the history of one person.

    Shows the person's changes and their sources, the batch, import and trigger of each, what superseded it or went
    wrong, the pending changes and when they are sent, the entry in the membership ledger, and whether the person is on
    Klaviyo's list now, with which consent. Changes nothing.

    AUDIENCE is the id or name of an audience, a kind such as `events`, `profiles` or `consents`, or the id of any
    queue. PERSON is an e-mail address, a phone number or an id of the person. Settled changes are kept for 30 days, up
    to 200,000 per queue. The person is shown as part of a hash unless --personal-data is given.

    \b
    Examples:
      ferry explain VIPs ann@example.com
      ferry explain events c-17 --connection brand-b --json
    """
    if not person.strip():
        raise click.UsageError("PERSON is empty; give an e-mail address, a phone number or an id")
    known = settings.load()
    with ledger(known) as redis:
        named = [each for each in meant(redis, audience) if connection in (None, each.queue.connection)]
        census = take_some(redis, [find_queue(audience, named)])
        (count,) = census.queues
        found = person_history(redis, known, census, count, person)
    if as_json:
        print_json(document(found, personal_data))
    else:
        console().print(view(found, personal_data), crop=False)
