"""Maps an attribute name to its Klaviyo field, and reads the values of fields as Klaviyo takes them.

Sources: mParticle, Klaviyo audience page; Klaviyo, profile object. Every identifier and standard field is declared in
one marshmallow schema. It is flat and built once: a nested schema takes several times as long for each person, and so
does building one per call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from marshmallow import EXCLUDE, Schema, ValidationError
from marshmallow.fields import Field

from mappings import identifiers, phone, values
from mappings.errors import Reason, Unfit
from mappings.rules import Rules
from mappings.values import MAX_STRING_BYTES, clean_text

#: mParticle's reserved attributes (lower case) that have their own Klaviyo field. Its other reserved names (`$Age`,
#: `$Gender`, `$Mobile`) become custom properties.
RESERVED: Final = {
    "$firstname": "first_name",
    "$lastname": "last_name",
    "$country": "country",
    "$zip": "zip",
    "$city": "city",
    "$state": "region",
    "$address": "address1",
}
#: Klaviyo fields that a property mapping may name; `source` has no field in the dated API and is a custom property.
PROPERTY_TARGETS: Final = (
    "address2",
    "image",
    "latitude",
    "longitude",
    "organization",
    "source",
    "timezone",
    "title",
)
#: Fields that Klaviyo keeps inside `location`.
LOCATION: Final = frozenset(
    ("address1", "address2", "city", "country", "region", "zip", "latitude", "longitude", "timezone", "ip")
)
#: Every standard field that an attribute can fill.
STANDARD: Final = LOCATION | {"first_name", "last_name", "organization", "title", "image", "locale"}


class FieldTarget(NamedTuple):
    """The destination of an attribute: the standard field or the custom property `name`."""

    name: str
    is_property: bool


class AttributeMeaning(NamedTuple):
    """The meaning of an attribute name; `key` is the name itself, in lower case if it is reserved.

    Of several attributes with one target, the highest `rank` wins: a property mapping, then an exact name, then a name
    whose `$` was removed.
    """

    key: str
    target: FieldTarget
    rank: int


_MAPPED, _EXACT, _STRIPPED = 2, 1, 0
CACHED_NAMES = 4_096
#: Longer than any name that mParticle allows. Longer names are not cached, so that the cache stays small.
_CACHED_LENGTH = 256


def dotted(name: str) -> str:
    """Return the path of a standard field inside a profile's attributes, such as `location.region`."""
    return f"location.{name}" if name in LOCATION else name


def without_dollar(key: str) -> str:
    """Return `key` without one leading `$`, which Klaviyo reserves for itself."""
    return key[1:] if key.startswith("$") else key


def place(key: str, rules: Rules, klaviyo_names: bool) -> AttributeMeaning:
    """Return the meaning of the attribute name `key` under the rules' property mapping.

    Reserved names always keep their fixed field. Raises Unfit(attribute_unnamed) when the name is empty without its
    `$`, Unfit(attribute_too_large) when it is longer than Klaviyo's limit for text.
    """
    read = _remembered if len(key) <= _CACHED_LENGTH else _place
    found = read(key, klaviyo_names)
    if rules.properties and found.target.is_property:
        mapped = rules.properties.get(found.target.name.lower())
        if mapped is not None:
            return AttributeMeaning(found.key, FieldTarget(mapped, mapped == "source"), _MAPPED)
    return found


def _place(key: str, klaviyo_names: bool) -> AttributeMeaning:
    key = clean_text(key)
    reserved = RESERVED.get(key.lower())
    if reserved is not None:
        return AttributeMeaning(key.lower(), FieldTarget(reserved, False), _EXACT)
    if klaviyo_names and key in STANDARD:
        return AttributeMeaning(key, FieldTarget(key, False), _EXACT)
    name = without_dollar(key)
    if not name:
        raise Unfit(Reason.ATTRIBUTE_UNNAMED)
    return AttributeMeaning(key, FieldTarget(name, True), _EXACT if name == key else _STRIPPED)


_remembered = lru_cache(maxsize=CACHED_NAMES)(_place)


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


#: Reads the value of each identifier and standard field; raises Unfit.
READS: Final[dict[str, Callable[[Any], str | float]]] = {
    "email": identifiers.first_email,
    "phone_number": phone.first_valid,
    "external_id": identifiers.external_id,
    "first_name": values.text_field,
    "last_name": values.text_field,
    "organization": values.text_field,
    "title": values.text_field,
    "image": values.text_field,
    "locale": values.locale,
    "address1": values.text_field,
    "address2": values.text_field,
    "city": values.text_field,
    "country": values.text_field,
    "region": values.text_field,
    "zip": values.text_field,
    "latitude": values.latitude,
    "longitude": values.longitude,
    "timezone": values.time_zone,
    "ip": values.ip,
}
_ProfileSchema = Schema.from_dict(
    {name: ParsedField(read, attribute=dotted(name)) for name, read in READS.items()}, name="ProfileSchema"
)
SCHEMA: Final = _ProfileSchema(partial=True, unknown=EXCLUDE)
#: How to read each field, and where it is in a profile: its name, or an object and its name there.
_FIELDS: Final = {
    name: (each.read, each.outer, each.inner)
    for name, each in SCHEMA.load_fields.items()
    if isinstance(each, ParsedField)
}
#: Fields whose texts are sent as they are, outside of `location` and inside.
_TEXTS: Final = frozenset(name for name, read in READS.items() if read is values.text_field) - LOCATION
_LOCATION_TEXTS: Final = frozenset(name for name in LOCATION if READS[name] is values.text_field)


def are_texts(fields: Mapping[str, Any], location: Mapping[str, Any]) -> bool:
    """Return whether these values of standard fields are texts that can be sent as they are."""
    if not (location.keys() <= _LOCATION_TEXTS and fields.keys() <= _TEXTS):
        return False
    texts = [*fields.values(), *location.values()]
    try:
        joined = "".join(texts)
        size = len(joined.encode())
    except (TypeError, UnicodeEncodeError):
        return False
    return size <= MAX_STRING_BYTES and "\0" not in joined and all(map(str.strip, texts))


def load(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Reason]]:
    """Return the valid fields in Klaviyo's nested shape, and the reason for each invalid field.

    `given`: flat; an identifier as its candidates (a list of addresses or ids, or `Phones`), any other as one value.
    The result is that of the schema's own `load`, which takes four times as long: it asks each field for defaults,
    nulls and validators, which a profile does not have.
    """
    loaded: dict[str, Any] = {}
    errors: dict[str, Reason] = {}
    for name, value in given.items():
        put(name, value, loaded, errors)
    return loaded, errors


def put(name: str, value: Any, loaded: dict[str, Any], errors: dict[str, Reason]) -> None:
    """Read the value of a field into `loaded`, in Klaviyo's nested shape, or add the reason why it is wrong."""
    read, outer, inner = _FIELDS[name]
    try:
        value = read(value)
    except Unfit as unfit:
        errors[name] = unfit.reason
        return
    if inner:
        loaded.setdefault(outer, {})[inner] = value
    else:
        loaded[outer] = value
