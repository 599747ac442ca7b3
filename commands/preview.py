"""`ferry preview`: show what a message would become."""

from __future__ import annotations

from typing import BinaryIO

import click
import falcon

from commands.options import var_option
from configuration import settings
from configuration.connections import DEFAULT, UnknownConnection
from intake.http.faults import TooMuch
from ops.errors import Failed
from ops.output import print_json
from ops.preview import READERS
from ops.preview import preview as preview_message
from queues.clock import now_ms


@click.command()
@click.option("--source", required=True, type=click.Choice(sorted(READERS)), help="Format of the message.")
@click.option("--connection", metavar="NAME", help="The connection, as in ?connection=.  [default: default]")
@click.argument("message", type=click.File("rb"), default="-")
@var_option
def preview(source: str, connection: str | None, message: BinaryIO) -> None:
    """Show what a message would become.

    MESSAGE is a file, or standard input. Prints JSON; stores and sends nothing. For each queue it shows the Klaviyo
    list, and for each person, event, consent or erasure the action, what Klaviyo would get or be asked to delete, the
    fields left out (warnings), or the reason why it would become a dead letter.

    `changes` numbers the message's changes for that queue, from 0. `unmapped` counts the Segment messages that have no
    action. `remembered` are consents that come with mParticle's events and are kept for later changes of the person.

    The preview does not look up CDP settings from earlier messages, Klaviyo, or earlier changes: a phone or id may
    still be left out (`identifier_taken`), and a change without an e-mail may be ambiguous.

    \b
    Examples:
      ferry preview --source mparticle message.json
      ferry preview --source changes --connection brand-b < message.json
    """
    if connection is not None and source == "mparticle":
        raise click.UsageError("mParticle's account determines the connection: see mparticle_account in the README")
    try:
        found = preview_message(source, message.read(), settings.load().connections, now_ms(), connection or DEFAULT)
    except UnknownConnection as fault:
        raise click.UsageError(str(fault)) from fault
    except falcon.HTTPError as fault:
        raise Failed(f"the answer would be {fault.status_code}: {fault.description}") from fault
    except TooMuch as fault:
        raise Failed(f"the answer would be 413: {fault}") from fault
    except ValueError as fault:
        raise Failed(str(fault)) from fault
    print_json({"source": source, **found})
