"""Ask for a Klaviyo key, and print what its scopes allow.

The key is typed without echo or piped in. It is never an argument, because every user of the machine can see those.
"""

from __future__ import annotations

import sys
from typing import Final

import click
from rich.table import Table
from rich.text import Text

from klaviyo.accounts import Rights
from ops.connections.scopes import COSTS, check_form, missing_costs
from ops.errors import Misconfigured
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
    check_form(key)
    return key


def warn_missing(rights: Rights) -> None:
    """Print what each missing scope of a stored key costs."""
    for line in missing_costs(rights):
        complain(f"Warning: {line}")


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
