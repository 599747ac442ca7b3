"""Resolves a person's attribute writes into one value for each Klaviyo field and custom property.

mParticle sends every value as text; `coerce` turns it into numbers, booleans and dates where only one reading is
possible. Leading zeros, plus signs and exponents are as common in codes, phone numbers and part numbers, so such
values stay text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from mappings import fields
from mappings.errors import Reason, Unfit
from mappings.fields import AttributeMeaning, FieldTarget
from mappings.person import Attribute, Person
from mappings.rules import Rules
from mappings.values import MAX_ENTRIES, clean, clean_text

_INTEGER = re.compile(r"0|-?[1-9]\d*", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)\.\d+", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
#: A double holds 15 decimal digits exactly; a longer text is an id that a number would corrupt.
_MAX_DIGITS = 15
_COUNTRY: Final = "country"
#: The rank of a deletion, below that of every value.
_DELETED = -1


def coerce(text: str) -> str | float | bool:
    """Return `text` as an integer, decimal, boolean or Klaviyo's date text; unchanged if it is none of these."""
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
    """Return `YYYY-MM-DD HH:MM:SS`, in UTC if `text` has an offset; a date alone becomes midnight, as in Klaviyo.

    A date that does not exist stays text. Source: Klaviyo, acceptable date and timestamp formats.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    # strftime leaves out the leading zeros of early years on some platforms.
    return moment.replace(tzinfo=None).isoformat(" ", "seconds")


class Draft(msgspec.Struct):
    """The changes that one person's attributes make.

    `standard`: standard fields in Klaviyo's nested shape. `errors`: the reason for each invalid one. `country`: as
    given, to read phones by; None without one.
    """

    standard: dict[str, Any] = {}
    errors: dict[str, Reason] = {}
    country: Any = None
    properties: dict[str, Any] = {}
    append: dict[str, Any] = {}
    unappend: dict[str, Any] = {}
    unset: list[str] = []
    clear: list[str] = []
    warnings: list[str] = []


def draft(person: Person, rules: Rules) -> Draft:
    """Return the person's attributes by destination; values that cannot be sent are left out with a warning."""
    return _each_alone(person, rules) or _resolved(person, rules)


def _each_alone(person: Person, rules: Rules) -> Draft | None:
    """Return the draft of a person without deletions and patches, if each attribute has a target of its own.

    None, too, if a field is not a text that is sent as it is, or is also among the attributes.
    """
    result = Draft()
    if person.fields or person.location:
        if not fields.are_texts(person.fields, person.location):
            return None
        result.standard |= person.fields
        result.country = person.location.get(_COUNTRY)
    if person.location:
        result.standard["location"] = {**person.location}
    targets = set()
    for attribute in person.attributes:
        if attribute.value is None or attribute.deleted or attribute.patch:
            return None
        try:
            target = fields.place(attribute.key, rules, person.klaviyo_names and not attribute.custom).target
        except Unfit:
            return None
        if not target.is_property and (target.name in person.fields or target.name in person.location):
            return None
        targets.add(target)
        _write(result, target, attribute, rules.coerce)
    return result if len(targets) == len(person.attributes) else None


def _resolved(person: Person, rules: Rules) -> Draft:
    result = Draft()
    for target, (rank, attribute) in _winners(person, rules, result.warnings).items():
        if rank > _DELETED:
            _write(result, target, attribute, rules.coerce)
        elif target.is_property:
            result.unset.append(target.name)
        else:
            result.clear.append(fields.dotted(target.name))
    return result


def country(person: Person, rules: Rules) -> object:
    """Return the value of the person's country, which is needed to read a phone number; None without one."""
    given = person.location.get(_COUNTRY)
    if given is not None or not person.attributes:
        return given
    target = FieldTarget(_COUNTRY, False)
    about = tuple([each for each in person.attributes if _target(each, person, rules) == target])
    winners = _winners(msgspec.structs.replace(person, attributes=about), rules, []) if about else {}
    rank, attribute = winners.get(target, (_DELETED, None))
    return attribute.value if attribute and rank > _DELETED else None


def _target(attribute: Attribute, person: Person, rules: Rules) -> FieldTarget | None:
    try:
        return fields.place(attribute.key, rules, person.klaviyo_names and not attribute.custom).target
    except Unfit:
        return None


def _winners(person: Person, rules: Rules, warnings: list[str]) -> dict[FieldTarget, tuple[int, Attribute]]:
    """Return the attribute for each target, with its rank.

    Any value beats a deletion; then the higher rank wins, then the later attribute.
    """
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
    """Return the last write or deletion of each name, in order; reserved names are compared without case.

    A patch is combined with the write before it.
    """
    latest: dict[tuple[str, FieldTarget], tuple[AttributeMeaning, Attribute]] = {}
    for attribute in person.writes():
        try:
            place = fields.place(attribute.key, rules, person.klaviyo_names and not attribute.custom)
            name = place.key, place.target
            if attribute.patch:
                attribute = patched(latest[name][1] if name in latest else None, attribute)
        except Unfit as unfit:
            warnings.append(unfit.reason)
            continue
        latest.pop(name, None)
        latest[name] = place, attribute
    return latest.values()


def patched(before: Attribute | None, patch: Attribute) -> Attribute:
    """Return the one write that has the effect of a write, deletion or patch, followed by a patch of the same property.

    Raises Unfit for lists longer than Klaviyo takes.
    """
    added, removed = _entries(patch, "append"), _entries(patch, "unappend")
    if before is None:
        return patch
    if before.patch:
        append = [*_without(_entries(before, "append"), removed), *added]
        unappend = [*_without(_entries(before, "unappend"), [*added, *removed]), *removed]
        return Attribute(patch.key, {"append": append, "unappend": unappend}, custom=True, patch=True)
    if before.deleted or before.value is None:
        return Attribute(patch.key, added, custom=True) if added else before
    return Attribute(patch.key, [*_without(_listed(before.value), removed), *added], custom=True)


def _entries(patch: Attribute, change: str) -> list[Any]:
    return _listed(patch.value.get(change, []))


def _listed(value: Any) -> list[Any]:
    found = value if isinstance(value, list) else [value]
    if len(found) > MAX_ENTRIES:
        raise Unfit(Reason.ATTRIBUTE_TOO_LARGE)
    return found


def _without(entries: list[Any], removed: list[Any]) -> list[Any]:
    """Return the entries without the removed ones; 1, 1.0, True and "1" are four different entries."""
    gone = set(map(repr, removed))
    if not gone:
        return entries
    return [entry for entry in entries if repr(entry) not in gone]


def _write(result: Draft, target: FieldTarget, attribute: Attribute, coerced: bool) -> None:
    value: Any = attribute.value
    try:
        value = clean_text(value) if isinstance(value, str) else clean(value)
    except Unfit as unfit:
        result.warnings.append(unfit.reason)
        return
    name, is_property = target
    if attribute.patch:
        _patch(result, target, value)
    elif is_property:
        result.properties[name] = coerce(value) if coerced and isinstance(value, str) else value
    elif not isinstance(value, str) or (value and not value.isspace()):
        # A bulk import cannot clear a standard field with an empty text; only a deletion asks for that.
        fields.put(name, value, result.standard, result.errors)
        if name == _COUNTRY:
            result.country = value


def _patch(result: Draft, target: FieldTarget, value: dict[str, Any]) -> None:
    """Write the patch of a custom property; a standard field, to which a property mapping may lead, is no list."""
    if not target.is_property:
        result.warnings.append(Reason.ATTRIBUTE_UNSUPPORTED)
        return
    if value["append"]:
        result.append[target.name] = value["append"]
    if value["unappend"]:
        result.unappend[target.name] = value["unappend"]
