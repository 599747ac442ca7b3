"""Maps an attribute name to its Klaviyo field (mParticle: Klaviyo audience page; Klaviyo: profile object)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from mappings.errors import Reason, Unfit
from mappings.rules import Rules
from mappings.values import clean_text

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
