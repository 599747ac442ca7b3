"""What each scope of a Klaviyo key is for, and whether a key that somebody typed can deliver people."""

from __future__ import annotations

from typing import Final

from marshmallow import ValidationError
from redis import Redis

from configuration import checks
from configuration.settings import Settings
from klaviyo.accounts import Rights
from ops.connections.keys import examine
from ops.errors import Failed, Misconfigured

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


def check_form(api_key: str) -> None:
    """Raise Misconfigured if this cannot be a key. Pure."""
    try:
        checks.klaviyo_key(api_key)
    except ValidationError as fault:
        raise Misconfigured(f"that is not a key: {fault.messages[0]}") from None


def usable(redis: Redis, known: Settings, api_key: str, otherwise: str) -> Rights:
    """Return the rights of a key that can deliver people. Raises Failed; `otherwise` ends its message."""
    try:
        rights = examine(redis, known, api_key)
    except Failed as fault:
        raise Failed(f"{fault.message}\n{otherwise}") from fault
    if not rights.delivers:
        lines = "\n".join(missing_costs(rights))
        raise Failed(f"the key lacks scopes:\n{lines}\nCreate one with these scopes in Klaviyo. {otherwise}")
    return rights


def missing_costs(rights: Rights) -> list[str]:
    """Return a line for each missing scope."""
    return [f"without {scope}: {COSTS[scope]}" for scope in rights.missing]
