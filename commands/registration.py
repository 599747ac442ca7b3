"""`ferry registration`: what Ferry tells mParticle it is."""

from __future__ import annotations

import json

import click

from intake.mparticle.registration import registration as fields
from intake.mparticle.routes import answer
from ops.output import print_json


@click.command()
def registration() -> None:
    """Print the registration for mParticle.

    As JSON; the same as /v1/mparticle answers when mParticle asks.
    """
    print_json(json.loads(answer("module_registration", **fields())))
