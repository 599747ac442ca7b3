"""`ferry registration`: print the registration for mParticle."""

from __future__ import annotations

import click

from intake.mparticle.registration import registration as answer
from ops.output import print_json


@click.command()
def registration() -> None:
    """Print the registration for mParticle.

    Prints the JSON that /v1/mparticle returns when mParticle asks for it.

    \b
    Examples:
      ferry registration > registration.json
    """
    print_json(answer())
