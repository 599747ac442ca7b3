"""What each of a key's scopes is for, and what it costs to go without. Pure."""

from __future__ import annotations

from typing import Final

from rich.table import Table
from rich.text import Text

from klaviyo.rights import Rights
from ops.output import table

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
