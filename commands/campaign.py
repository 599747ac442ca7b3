"""`ferry campaign`: fill the lists of a campaign."""

from __future__ import annotations

from pathlib import Path

import click
import falcon

from commands.options import json_option, var_option
from configuration import settings
from configuration.connections import DEFAULT, Connection, UnknownConnection
from intake.http.faults import TooMuch
from ops import campaigns
from ops.errors import Failed
from ops.ledger import by, ledger
from ops.output import echo, print_json
from queues.clock import now_ms
from text.escaping import visible
from text.wording import number, plural


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@var_option
def campaign(file: Path, as_json: bool) -> None:
    """Fill the lists of a campaign from files or audiences.

    FILE is the JSON of POST /v1/campaigns. A group has its people in `members`, in an `audience`, or in a `file`: CSV,
    NDJSON, Parquet or .xlsx, relative to the folder of FILE, read as by ferry sync. The same command again, for
    example by cron, makes the same lists equal to the people of that time.

    \b
    Examples:
      ferry campaign spring.json
      ferry campaign spring.json --json
    """
    known = settings.load()

    def choose(name: str | None) -> Connection:
        try:
            return known.connections.named(name or DEFAULT)
        except UnknownConnection as fault:
            raise Failed(f"{file}: {fault}") from fault

    with ledger(known, writes=True) as redis:
        try:
            planned = campaigns.read(file, choose, now_ms())
        except falcon.HTTPError as fault:
            raise Failed(f"{file}: {fault.description}") from fault
        except TooMuch as fault:
            raise Failed(f"{file}: {fault}") from fault
        filled = campaigns.submit(redis, known.redis_url, planned, by())
    found = [
        {"list": each.order.list_name, "snapshot": each.order.snapshot, "members": of.members, "excluded": of.excluded}
        for each, of in zip(planned, filled, strict=True)
    ]
    if as_json:
        print_json({"campaign": planned[0].order.campaign, "syncs": found})
        return
    for each, of in zip(planned, filled, strict=True):
        people = plural(of.members, "person", "people")
        echo(f"{visible(each.order.list_name)}: {people}, {number(of.excluded)} left out.")
    echo(f'Submitted. Follow it: ferry syncs --campaign "{visible(planned[0].order.campaign)}"')
