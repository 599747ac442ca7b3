"""`ferry registration`: what Ferry tells mParticle it is."""

from __future__ import annotations

import click

from intake.mparticle.registration import registration as answer
from ops.output import print_json


@click.command()
def registration() -> None:
    """Print the registration for mParticle.

    As JSON; the same as /v1/mparticle answers when mParticle asks.
    """
    print_json(answer())
