"""`ferry preview`: what a message would become."""

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
@click.option("--source", required=True, type=click.Choice(sorted(READERS)), help="Whose form the message has.")
@click.option("--connection", metavar="NAME", help="The one that ?connection= names.  [default: default]")
@click.argument("message", type=click.File("rb"), default="-")
@var_option
def preview(source: str, connection: str | None, message: BinaryIO) -> None:
    """Show what a message would become.

    MESSAGE is a file, or standard input. Prints JSON; nothing is stored or sent. For each queue: the Klaviyo
    list, and for each person, event, consent or erasure the action, what Klaviyo would get or be asked to delete,
    the fields left out (warnings), or the reason for which it would become a dead letter. `changes` counts from 0 in
    what the message says for that queue. `unmapped` counts the messages of Segment that no action is for.
    `remembered` are consents that come with mParticle's events and are kept for later changes of the person.
    Settings of the CDP that came with earlier messages are not looked up, and neither are Klaviyo and earlier changes:
    a phone or id may yet be left out (`identifier_taken`), and a change without an e-mail be ambiguous.
    """
    if connection is not None and source == "mparticle":
        raise click.UsageError("mParticle's account says which connection it is: see mparticle_account in the README")
    try:
        told = preview_message(source, message.read(), settings.load().connections, now_ms(), connection or DEFAULT)
    except UnknownConnection as fault:
        raise click.UsageError(str(fault)) from fault
    except falcon.HTTPError as fault:
        raise Failed(f"it would be answered {fault.status_code}: {fault.description}") from fault
    except TooMuch as fault:
        raise Failed(f"it would be answered 413: {fault}") from fault
    except ValueError as fault:
        raise Failed(str(fault)) from fault
    print_json({"source": source, **told})
