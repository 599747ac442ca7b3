"""`ferry explain`: why somebody is on a list, or is not."""

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
from queues.census import take_census


@click.command()
@click.argument("audience", metavar="AUDIENCE")
@click.argument("person", metavar="PERSON")
@click.option("--connection", metavar="NAME", help="Look among its queues only.")
@click.option("--personal-data", is_flag=True, help="Print the person too: address, attributes, Klaviyo's words.")
@json_option
@var_option
def explain(audience: str, person: str, connection: str | None, personal_data: bool, as_json: bool) -> None:
    """Show the history of one person.

    Which changes of the person came and from where, in which batch and import each went and why it was taken, what
    superseded it or went wrong, what waits and when it goes, what the membership ledger says, and whether the person
    is on Klaviyo's list now, with what consent. Nothing is changed.

    AUDIENCE is the id or name of an audience, or `events`, `profiles`, `consents` and the like, or the id of any
    queue. PERSON is an e-mail address, a phone number or an id of the person. What was settled is kept for 30 days
    and of 200,000 changes in each queue. The person is named by a part of a hash unless --personal-data is given.
    """
    if not person.strip():
        raise click.UsageError("PERSON is empty; give an e-mail address, a phone number or an id")
    known = settings.load()
    with ledger(known) as redis:
        census = take_census(redis)
        counts = [count for count in census.queues if connection in (None, count.queue.connection)]
        queue = find_queue(audience, counts)
        (count,) = (each for each in counts if each.queue == queue)
        found = person_history(redis, known, census, count, person)
    if as_json:
        print_json(document(found, personal_data))
    else:
        console().print(view(found, personal_data))
