"""A person's attribute writes resolved: which value each Klaviyo field and custom property ends up with.

Text turned into numbers, booleans and dates, because mParticle sends every value as text.

Only what has one obvious reading is turned: leading zeros, plus signs and exponents mark codes, phones and part
numbers at least as often as numbers, and stay text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from mappings import fields
from mappings.errors import Reason, Unfit
from mappings.fields import AttributeMeaning, FieldTarget
from mappings.person import Attribute, Person
from mappings.rules import Rules
from mappings.values import clean, clean_text

_INTEGER = re.compile(r"0|-?[1-9]\d*", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)\.\d+", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
#: A double carries 15 decimal digits exactly; a longer text is an id that a number would falsify.
_MAX_DIGITS = 15


def coerce(text: str) -> str | float | bool:
    """`text` as integer, decimal, boolean or Klaviyo's date text; as it is when it is none of these."""
    if len(text) <= _MAX_DIGITS + 2:
        number = _number(text)
        if number is not None:
            return number
    boolean = _BOOLEANS.get(text.lower())
    if boolean is not None:
        return boolean
    return _date(text) if _DATE.fullmatch(text) else text


def _number(text: str) -> float | None:
    if sum(map(str.isdigit, text)) > _MAX_DIGITS:
        return None
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else None


def _date(text: str) -> str:
    """Klaviyo's `YYYY-MM-DD HH:MM:SS`, in UTC when `text` has an offset; a day alone is midnight, as Klaviyo reads it.

    (Klaviyo: acceptable date and timestamp formats.) A day that does not exist stays text.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    # Not strftime: it leaves out the leading zeros of early years on some platforms.
    return moment.replace(tzinfo=None).isoformat(" ", "seconds")


#: The rank of a deletion, below that of every value.
_DELETED = -1


class Draft(msgspec.Struct):
    """What the attributes of one person ask for; standard field values are still to be validated by the schema."""

    standard: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    unset: list[str] = []
    clear: list[str] = []
    warnings: list[str] = []


def draft(person: Person, rules: Rules) -> Draft:
    """The person's attributes by destination; what cannot be sent is left out with a warning."""
    result = Draft()
    for target, (rank, attribute) in _winners(person, rules, result.warnings).items():
        if rank > _DELETED:
            _write(result, target, attribute.value, coerced=rules.coerce)
        elif target.is_property:
            result.unset.append(target.name)
        else:
            result.clear.append(fields.dotted(target.name))
    return result


def country(person: Person, rules: Rules) -> object:
    """The value of the person's country, for reading a phone before anything else is drafted; None without one."""
    for target, (rank, attribute) in _winners(person, rules, []).items():
        if rank > _DELETED and not target.is_property and target.name == "country":
            return attribute.value
    return None


def _winners(person: Person, rules: Rules, warnings: list[str]) -> dict[FieldTarget, tuple[int, Attribute]]:
    """The attribute that each target gets, with its rank: any value beats a deletion, then rank, then the later."""
    winners: dict[FieldTarget, tuple[int, Attribute]] = {}
    for place, attribute in _last_writes(person, rules, warnings):
        rank = _DELETED if attribute.deleted or attribute.value is None else place.rank
        best = winners.get(place.target)
        if best is not None and best[0] > _DELETED and rank > _DELETED:
            warnings.append(Reason.ATTRIBUTE_SHADOWED)
        if best is None or rank >= best[0]:
            winners[place.target] = rank, attribute
    return winners


def _last_writes(person: Person, rules: Rules, warnings: list[str]) -> Iterable[tuple[AttributeMeaning, Attribute]]:
    """The last write or deletion of each name, in the order of these; the case of reserved names does not count."""
    latest: dict[str, tuple[AttributeMeaning, Attribute]] = {}
    for attribute in person.attributes:
        try:
            place = fields.place(attribute.key, rules, person.klaviyo_names)
        except Unfit as unfit:
            warnings.append(unfit.reason)
            continue
        latest.pop(place.key, None)
        latest[place.key] = place, attribute
    return latest.values()


def _write(result: Draft, target: FieldTarget, value: object, *, coerced: bool) -> None:
    try:
        value = clean_text(value) if isinstance(value, str) else clean(value)
    except Unfit as unfit:
        result.warnings.append(unfit.reason)
        return
    if target.is_property:
        result.properties[target.name] = coerce(value) if coerced and isinstance(value, str) else value
    elif not isinstance(value, str) or (value and not value.isspace()):
        # An empty text cannot clear a standard field in a bulk import; only a deletion asks for that.
        result.standard[target.name] = value
