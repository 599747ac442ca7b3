"""A key that a person gives: typed unseen, or piped in, and never an argument, which every user of the machine sees.

What each of a key's scopes is for, and what it costs to go without. Pure.
"""

from __future__ import annotations

import sys
from typing import Final

import click
from marshmallow import ValidationError
from redis import Redis
from rich.table import Table
from rich.text import Text

from configuration import checks
from configuration.settings import Settings
from klaviyo.rights import Rights
from ops.connections.keys import examine
from ops.errors import Failed, Misconfigured
from ops.output import echo, table


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
        checks.klaviyo_key(key)
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


_NOTHING: Final = "nothing can be delivered"
#: By Klaviyo's name of the scope (Klaviyo's OpenAPI document, x-klaviyo-scopes).
COSTS: Final = {
    "accounts:read": "Ferry cannot tell whose account it is: `rotate` cannot compare, `ferry selftest` does not run",
    "lists:read": _NOTHING,
    "lists:write": _NOTHING,
    "profiles:read": _NOTHING,
    "profiles:write": _NOTHING,
    "subscriptions:write": "consents wait in their queue, held",
    "events:write": "events wait in their queue, held",
    "data-privacy:write": "erasures wait in their queue, held: delete those people in Klaviyo by hand, in time",
}
_WORDS: Final = {True: ("yes", "green"), False: ("no", "bold red"), None: ("not told", "yellow")}


def scopes_table(rights: Rights) -> Table:
    """A line for each scope."""
    made = table("Scope", "Has it", "Without it")
    for scope, has in rights.scopes.items():
        word, style = _WORDS[has]
        made.add_row(scope, Text(word, style=style), "" if has else COSTS[scope])
    return made


def in_short(rights: Rights) -> str:
    """`all`, or what is missing."""
    return f"without {', '.join(rights.missing)}" if rights.missing else "all"


def missing_costs(rights: Rights) -> list[str]:
    """A line for each that is missing."""
    return [f"without {scope}: {COSTS[scope]}" for scope in rights.missing]
