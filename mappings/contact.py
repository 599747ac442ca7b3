"""Reads a person's identifiers in a stored event or consent, by the same rules as for a profile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from mappings import identifiers, phone
from mappings.errors import Reason, Rejected, Unfit
from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE, canonical_email, first_email, is_email, is_external_id
from mappings.phone import Phones
from mappings.rules import Rules

ANONYMOUS_ID: Final = "anonymous_id"
#: Whether a value of an identifier, by Klaviyo's name, identifies nobody (identity/blocked.py).
IsBlocked = Callable[[str, str], bool]

#: The detail for a person whose values are all blocked.
NOBODY_LEFT: Final = (
    "the values sent to identify the person identify nobody (null, 0, n/a ...) or too many people; "
    "make the CDP send an e-mail"
)
_INVALID: Final = {
    EMAIL: Reason.EMAIL_INVALID,
    PHONE: Reason.PHONE_INVALID,
    EXTERNAL_ID: Reason.EXTERNAL_ID_INVALID,
    ANONYMOUS_ID: Reason.ANONYMOUS_ID_INVALID,
}


def nothing(_name: str, _value: str) -> bool:
    """Block no value."""
    return False


def read(
    fields: Mapping[str, Any], names: Iterable[str], rules: Rules, is_blocked: IsBlocked = nothing
) -> tuple[dict[str, str], dict[str, Reason]]:
    """Return the identifiers in `names` that are present, as Klaviyo takes them, and a reason for each wrong one.

    `country_code` in `fields` is the country of a phone number without a country code; the rules give the default. The
    profile's schema is not used, because it takes four times as long for so few fields.
    """
    found: dict[str, str] = {}
    wrong: dict[str, Reason] = {}
    for name in names:
        value = text(fields.get(name))
        if name == EMAIL and value:
            value = canonical_email(value)
        try:
            if value is None:
                wrong[name] = _INVALID[name]
            elif value:
                found[name] = _usable(name, value, fields, rules, is_blocked)
        except Unfit as unfit:
            wrong[name] = unfit.reason
    return found, wrong


def usual(
    known: Mapping[str, Any], country: object, rules: Rules, is_blocked: IsBlocked
) -> tuple[dict[str, str], dict[str, Reason]] | None:
    """Return what `read` returns for the e-mail, the external id and the phone in `known`; None when it must be asked.

    It takes a third of the time. Nothing is wrong with what it returns except a phone, which files have in many rows.
    """
    email, whose, number = text(known.get(EMAIL)), text(known.get(EXTERNAL_ID)), text(known.get(PHONE))
    if email is None or whose is None or number is None or not email.isascii():
        return None
    found: dict[str, str] = {}
    if email:
        found[EMAIL] = email.lower()
    if whose:
        found[EXTERNAL_ID] = whose
    e164 = phone.of_person(number, country, rules.default_country) if number else None
    if e164:
        found[PHONE] = e164
    wrong = {PHONE: Reason.PHONE_INVALID} if number and not e164 else {}
    return (found, wrong) if _are_right(found, is_blocked) else None


def _are_right(found: Mapping[str, str], is_blocked: IsBlocked) -> bool:
    if EMAIL in found and not is_email(found[EMAIL]):
        return False
    if EXTERNAL_ID in found and not is_external_id(found[EXTERNAL_ID]):
        return False
    return not any(map(is_blocked, found.keys(), found.values()))


def _usable(name: str, value: str, fields: Mapping[str, Any], rules: Rules, is_blocked: IsBlocked) -> str:
    # A placeholder for an e-mail is no address.
    if name == EMAIL and is_blocked(name, value):
        raise Unfit(Reason.IDENTIFIER_BLOCKED)
    found = _read(name, value, fields, rules)
    if is_blocked(name, found):
        raise Unfit(Reason.IDENTIFIER_BLOCKED)
    return found


def _read(name: str, value: str, fields: Mapping[str, Any], rules: Rules) -> str:
    if name == EMAIL:
        return first_email([value])
    if name == PHONE:
        return phone.first_valid(Phones((value,), fields.get("country_code"), rules.default_country))
    if name == EXTERNAL_ID:
        return identifiers.external_id([value])
    return _anonymous_id(value)


def _anonymous_id(value: str) -> str:
    """Check an anonymous id like an external id: Klaviyo documents no rules for it."""
    try:
        return identifiers.external_id([value])
    except Unfit as unfit:
        raise Unfit(Reason.ANONYMOUS_ID_INVALID) from unfit


def text(value: object) -> str | None:
    """Return text trimmed, a whole number as text, `""` for None; None for any other type."""
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def nobody(names: Iterable[str], wrong: Mapping[str, Reason]) -> Rejected:
    """Return the error for a person without a valid identifier in `names`, naming the first invalid one, if any."""
    for name, reason in wrong.items():
        if reason is not Reason.IDENTIFIER_BLOCKED:
            detail = f"Klaviyo does not accept the {name}; correct it in the CDP and replay the change"
            return Rejected(reason, name, detail)
    if wrong:
        return Rejected(Reason.IDENTIFIER_BLOCKED, next(iter(wrong)), NOBODY_LEFT)
    return Rejected(
        Reason.NO_IDENTIFIER, None, f"the person has no identifier; the CDP must send one of {', '.join(names)}"
    )
