"""A key that a person gives: typed unseen, or piped in, and never an argument, which every user of the machine sees."""

from __future__ import annotations

import sys

import click
from marshmallow import ValidationError
from redis import Redis

import settings_checks
from klaviyo.rights import Rights
from ops.connections_key import examine
from ops.connections_scopes import missing_costs
from ops.errors import Failed, Misconfigured
from ops.output import echo
from settings import Settings


def asked_key(name: str) -> str:
    """A key from the terminal or the first line of stdin. Raises Misconfigured for what cannot be one."""
    if sys.stdin.isatty():
        key = str(click.prompt(f"Klaviyo key of {name} (pk_..., not shown)", hide_input=True)).strip()
    else:
        key = sys.stdin.readline().strip()
    if not key:
        raise Misconfigured(
            "no key was given: type it when asked, or pipe it in, as in `pass show klaviyo | ferry ...`"
        )
    try:
        settings_checks.klaviyo_key(key)
    except ValidationError as fault:
        raise Misconfigured(f"that is no key: {fault.messages[0]}") from None
    return key


def usable(redis: Redis, known: Settings, api_key: str, otherwise: str) -> Rights:
    """What a key may do, that people can be delivered with. Raises Failed; `otherwise`: what holds then."""
    try:
        rights = examine(redis, known, api_key)
    except Failed as fault:
        raise Failed(f"{fault.message}\n{otherwise}") from fault
    if not rights.delivers:
        lines = "\n".join(missing_costs(rights))
        raise Failed(f"the key may too little:\n{lines}\nCreate one with these scopes in Klaviyo. {otherwise}")
    for line in missing_costs(rights):
        echo(f"Mind: {line}", err=True)
    return rights
