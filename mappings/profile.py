"""Turns a CDP's person into a Klaviyo profile.

Every identifier and standard field is read by one marshmallow schema. It is flat and built once: a nested schema takes
several times as long for each person, and so does building one per call.
"""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import msgspec
from marshmallow import EXCLUDE, Schema, ValidationError
from marshmallow.fields import Field

from mappings import attributes, fields, identifiers, phone
from mappings.errors import Reason, Unfit
from mappings.identifiers import first_email
from mappings.person import Person
from mappings.phone import Phones
from mappings.rules import Rules

#: Klaviyo: profile location; four decimals are about 11 m.
_DECIMALS = 4
_MAX_LATITUDE = 90
_MAX_LONGITUDE = 180
_DECIMAL = re.compile(r"[+-]?\d{1,3}(?:\.\d{1,20})?", re.ASCII)
#: Names in the time zone database that are not places: the machine's own zone and two placeholders.
_NO_PLACE = {"Factory", "localtime", "posixrules"}


def latitude(value: object) -> float:
    """Return degrees north, rounded to four decimals; raises Unfit(latitude_invalid)."""
    return _degrees(value, _MAX_LATITUDE, Reason.LATITUDE_INVALID)


def longitude(value: object) -> float:
    """Return degrees east, rounded to four decimals; raises Unfit(longitude_invalid)."""
    return _degrees(value, _MAX_LONGITUDE, Reason.LONGITUDE_INVALID)


def _degrees(value: object, limit: int, reason: Reason) -> float:
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -limit <= value <= limit:
        raise Unfit(reason)
    return round(value, _DECIMALS)


@cache
def _time_zones() -> dict[str, str]:
    """Return lower-case name -> name in the time zone database; read from disk once per process."""
    return {name.lower(): name for name in zoneinfo.available_timezones() - _NO_PLACE}


def time_zone(value: object) -> str:
    """Return the IANA name for a name in any case; raises Unfit(timezone_invalid)."""
    name = _time_zones().get(value.strip().lower()) if isinstance(value, str) else None
    if name is None:
        raise Unfit(Reason.TIMEZONE_INVALID)
    return name


def ip(value: object) -> str:
    """Return an IPv4 or IPv6 address as text; raises Unfit(ip_invalid)."""
    try:
        return str(ipaddress.ip_address(str(value).strip()))
    except ValueError as error:
        raise Unfit(Reason.IP_INVALID) from error


_LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*", re.ASCII | re.IGNORECASE)


class ParsedField(Field[Any]):
    """A field that a pure function reads; its Unfit becomes the field's error, with the reason code as message."""

    def __init__(self, read: Callable[[Any], str | float], *, attribute: str) -> None:
        super().__init__(attribute=attribute)
        self.read = read
        self.outer, _, self.inner = attribute.partition(".")

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: object) -> Any:
        try:
            return self.read(value)
        except Unfit as unfit:
            raise ValidationError(unfit.reason) from unfit


def text_field(value: object) -> str:
    """Return text unchanged and numbers as text; raises Unfit(field_invalid) for tags, lists and objects."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit(Reason.FIELD_INVALID)
    return str(value)


def _locale(value: object) -> str:
    """Return a language tag such as `en-US` (BCP 47); `en_US`, as many systems write it, is converted."""
    tag = value.strip().replace("_", "-") if isinstance(value, str) else ""
    if not _LANGUAGE_TAG.fullmatch(tag):
        raise Unfit(Reason.LOCALE_INVALID)
    return tag


#: Reads the value of each identifier and standard field; raises Unfit.
READS: Final[dict[str, Callable[[Any], str | float]]] = {
    "email": first_email,
    "phone_number": phone.first_valid,
    "external_id": identifiers.external_id,
    "first_name": text_field,
    "last_name": text_field,
    "organization": text_field,
    "title": text_field,
    "image": text_field,
    "locale": _locale,
    "address1": text_field,
    "address2": text_field,
    "city": text_field,
    "country": text_field,
    "region": text_field,
    "zip": text_field,
    "latitude": latitude,
    "longitude": longitude,
    "timezone": time_zone,
    "ip": ip,
}
_ProfileSchema = Schema.from_dict(
    {name: ParsedField(read, attribute=fields.dotted(name)) for name, read in READS.items()}, name="ProfileSchema"
)
SCHEMA: Final = _ProfileSchema(partial=True, unknown=EXCLUDE)
_FIELDS: Final = {name: each for name, each in SCHEMA.load_fields.items() if isinstance(each, ParsedField)}


def load(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Reason]]:
    """Return the valid fields in Klaviyo's nested shape, and the reason for each invalid field.

    `values`: flat; an identifier as its candidates (a list of addresses or ids, or `Phones`), any other as one value.
    The result is that of the schema's own `load`, which takes four times as long: it asks each field for defaults,
    nulls and validators, which a profile does not have.
    """
    loaded: dict[str, Any] = {}
    errors: dict[str, Reason] = {}
    for name, value in values.items():
        each = _FIELDS[name]
        try:
            value = each.read(value)
        except Unfit as unfit:
            errors[name] = unfit.reason
            continue
        if each.inner:
            loaded.setdefault(each.outer, {})[each.inner] = value
        else:
            loaded[each.outer] = value
    return loaded, errors


class Profile(msgspec.Struct, frozen=True):
    """One profile for Klaviyo's bulk import.

    `attributes`: the content of `data.attributes`; no empty containers, no nulls at the first two levels.
    `unset`: custom properties to remove through `meta.patch_properties.unset`.
    `append`, `unappend`: entries to add to the lists that custom properties are, and to take out of them.
    `clear`: standard fields that the CDP deleted (`location.region`); a bulk import cannot clear them.
    `warnings`: reason codes of values left out or chosen among several, each once.
    """

    attributes: dict[str, Any]
    unset: tuple[str, ...] = ()
    clear: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    append: dict[str, Any] = {}
    unappend: dict[str, Any] = {}


def to_profile(person: Person, rules: Rules) -> Profile:
    """Return the person as a Klaviyo profile by these rules; raises Rejected when there is no valid identifier."""
    found = identifiers.candidates(person.identities, rules)
    draft = attributes.draft(person, rules)
    loaded, errors = load(_flat(found, draft, rules))
    if found.hashed:
        errors |= found.errors()
    identifiers.check(loaded, errors)
    if draft.properties:
        loaded["properties"] = draft.properties
    return Profile(
        attributes=loaded,
        unset=tuple(draft.unset),
        clear=tuple(draft.clear),
        warnings=tuple(dict.fromkeys([*errors.values(), *draft.warnings])) if errors or draft.warnings else (),
        append=draft.append,
        unappend=draft.unappend,
    )


def _flat(found: identifiers.Candidates, draft: attributes.Draft, rules: Rules) -> dict[str, Any]:
    """Return all values for the schema, by its field names."""
    values: dict[str, Any] = found.raw | draft.standard
    numbers = found.raw.get(identifiers.PHONE)
    if numbers:
        region = phone.region_of(draft.standard.get("country"), rules.default_country)
        values[identifiers.PHONE] = Phones(tuple(numbers), region)
    return values
