"""Ask for a Klaviyo key, and describe what each of its scopes is for.

The key is typed without echo or piped in. It is never an argument, because every user of the machine can see those.
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
from klaviyo.accounts import Rights
from ops.connections.keys import examine
from ops.errors import Failed, Misconfigured
from ops.output import complain, table


def asked_key(name: str) -> str:
    """Return a key from the terminal or the first line of stdin. Raises Misconfigured when it cannot be a key."""
    if sys.stdin.isatty():
        key = str(click.prompt(f"Klaviyo key of {name} (pk_..., not shown)", hide_input=True)).strip()
    else:
        key = sys.stdin.readline().strip()
    if not key:
        raise Misconfigured(
            "no key was given: type it when asked, or pipe it in, for example `pass show klaviyo | ferry ...`"
        )
    try:
        checks.klaviyo_key(key)
    except ValidationError as fault:
        raise Misconfigured(f"that is not a key: {fault.messages[0]}") from None
    return key


def usable(redis: Redis, known: Settings, api_key: str, otherwise: str) -> Rights:
    """Return the rights of a key that can deliver people. Raises Failed; `otherwise` ends its message."""
    try:
        rights = examine(redis, known, api_key)
    except Failed as fault:
        raise Failed(f"{fault.message}\n{otherwise}") from fault
    if not rights.delivers:
        lines = "\n".join(missing_costs(rights))
        raise Failed(f"the key lacks scopes:\n{lines}\nCreate one with these scopes in Klaviyo. {otherwise}")
    for line in missing_costs(rights):
        complain(f"Warning: {line}")
    return rights


_NOTHING: Final = "nothing can be delivered"
#: Scope, named as in Klaviyo's OpenAPI document (x-klaviyo-scopes) -> the effect of its absence.
COSTS: Final = {
    "accounts:read": "Ferry cannot read the account: `rotate` cannot compare, `ferry selftest` does not run",
    "lists:read": _NOTHING,
    "lists:write": _NOTHING,
    "profiles:read": _NOTHING,
    "profiles:write": _NOTHING,
    "subscriptions:write": "consents are held in their queue",
    "events:write": "events are held in their queue",
    "data-privacy:write": "erasures are held in their queue: delete those people in Klaviyo by hand, in time",
}
_WORDS: Final = {True: ("yes", "green"), False: ("no", "bold red"), None: ("unknown", "yellow")}


def scopes_table(rights: Rights) -> Table:
    """Return a table with a row for each scope."""
    made = table("Scope", "Granted", "Without it")
    for scope, has in rights.scopes.items():
        word, style = _WORDS[has]
        made.add_row(scope, Text(word, style=style), "" if has else COSTS[scope])
    return made


def in_short(rights: Rights) -> str:
    """Return `all`, or the missing scopes."""
    return f"without {', '.join(rights.missing)}" if rights.missing else "all"


def missing_costs(rights: Rights) -> list[str]:
    """Return a line for each missing scope."""
    return [f"without {scope}: {COSTS[scope]}" for scope in rights.missing]
