"""The identifiers of a person in what Ferry stores of an event or a consent, read by the rules of a profile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from mappings import email, identifiers, phone
from mappings.errors import Reason, Rejected, Unfit
from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE
from mappings.phone import Phones
from mappings.rules import Rules

ANONYMOUS_ID: Final = "anonymous_id"

_INVALID: Final = {
    EMAIL: Reason.EMAIL_INVALID,
    PHONE: Reason.PHONE_INVALID,
    EXTERNAL_ID: Reason.EXTERNAL_ID_INVALID,
    ANONYMOUS_ID: Reason.ANONYMOUS_ID_INVALID,
}


def read(fields: Mapping[str, Any], names: Iterable[str], rules: Rules) -> tuple[dict[str, str], dict[str, Reason]]:
    """Those of the identifiers `names` that are there, as Klaviyo takes them, and the reason for each that is wrong.

    `country_code`: the country of a phone that does not begin with its own; without it, that of the rules. Not by way
    of the profile's schema, which takes four times as long for so few fields.
    """
    found: dict[str, str] = {}
    wrong: dict[str, Reason] = {}
    for name in names:
        value = text(fields.get(name))
        if name == EMAIL and value:
            value = email.canonical(value)
        try:
            if value is None:
                wrong[name] = _INVALID[name]
            elif value:
                found[name] = _read(name, value, fields, rules)
        except Unfit as unfit:
            wrong[name] = unfit.reason
    return found, wrong


def _read(name: str, value: str, fields: Mapping[str, Any], rules: Rules) -> str:
    if name == EMAIL:
        return email.first_valid([value])
    if name == PHONE:
        region = phone.region_of(fields.get("country_code"), rules.default_country)
        return phone.first_valid(Phones((value,), region))
    if name == EXTERNAL_ID:
        return identifiers.external_id([value])
    return _anonymous_id(value)


def _anonymous_id(value: str) -> str:
    """Klaviyo says nothing of these ids, so what holds of external ids holds of them."""
    try:
        return identifiers.external_id([value])
    except Unfit as unfit:
        raise Unfit(Reason.ANONYMOUS_ID_INVALID) from unfit


def text(value: object) -> str | None:
    """Trimmed text, whole numbers as text, `""` for nothing; None for what is neither."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else None


def nobody(names: Iterable[str], wrong: Mapping[str, Reason]) -> Rejected:
    """The error for a person whom none of `names` identifies; it is about the first of `wrong`, if anything is."""
    for name, reason in wrong.items():
        return Rejected(
            reason, name, f"the {name} is not one that Klaviyo accepts; correct it in the CDP and replay the change"
        )
    return Rejected(
        Reason.NO_IDENTIFIER, None, f"nothing identifies the person; let the CDP send one of {', '.join(names)}"
    )
