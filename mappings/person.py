"""A person as a CDP describes them, before any of Ferry's rules apply.

The queue stores a person as a fragment: the CDP's own JSON object, byte for byte.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from mappings.errors import Reason, Rejected

_DECODER = msgspec.json.Decoder()


class Identity(msgspec.Struct, frozen=True, gc=False):
    """One identity of a person.

    `type` is the Firehose spelling (`email`, `customer`, `other` ... `other10`, `mobile_number`,
    `phone_number_2`, `phone_number_3`, `mpid`) or, from `/v1/changes`, `email`, `phone`, `external_id`.
    `encoding` is `raw`, `md5`, `sha1` or `sha256`; anything but `raw` counts as hashed.
    """

    type: str
    value: str
    encoding: str = "raw"


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """One attribute written (`deleted` false) or removed (`deleted` true).

    `value` is JSON; a tag is True. A `value` of None also removes the attribute. `custom`: it is a custom property even
    if its name is a Klaviyo field's. `patch`: it is a list, and the value has the entries to add to it and to take out
    of it, as `{"append": [...], "unappend": [...]}`.
    """

    key: str
    value: Any = None
    deleted: bool = False
    custom: bool = False
    patch: bool = False


class Person(msgspec.Struct, frozen=True):
    """Identities and attribute writes of one person, in the CDP's order; later attributes win over earlier ones.

    `klaviyo_names`: attributes named like Klaviyo's own fields (`first_name`, `city`) fill these fields, because the
    sender knows Klaviyo. mParticle's do not: only its reserved `$` names and the property mapping do. `fields`,
    `location`: values of Klaviyo's own fields by name, and of those of the location, which are later than all
    attributes; None clears one.
    """

    identities: tuple[Identity, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    klaviyo_names: bool = False
    fields: dict[str, Any] = {}
    location: dict[str, Any] = {}

    def writes(self) -> tuple[Attribute, ...]:
        """Return the attributes, and the fields as such."""
        if not (self.fields or self.location):
            return self.attributes
        given = (*self.fields.items(), *self.location.items())
        return (*self.attributes, *[Attribute(name, value) for name, value in given])


def decode(fragment: bytes) -> dict[str, Any]:
    """Return the fragment as an object; raises Rejected(fragment_unreadable) when it is not one.

    The intake stores a person without checking every value, so a fragment may contain a lone surrogate, an invalid byte
    or a number too large for a float. msgspec would refuse the whole person for these; the standard library reads them,
    and the mapping then leaves out what Klaviyo cannot take.
    """
    try:
        try:
            decoded = _DECODER.decode(fragment)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            decoded = json.loads(fragment.decode(errors="replace"))
    except (ValueError, RecursionError) as error:
        raise unreadable("is not JSON, or is nested too deeply") from error
    if not isinstance(decoded, dict):
        raise unreadable("is not a JSON object")
    return decoded


def unreadable(what: str, field: str | None = None) -> Rejected:
    """Return the error for a fragment that no change of the mapping can make readable."""
    return Rejected(
        Reason.FRAGMENT_UNREADABLE,
        field,
        f"the stored person {what}; send the person again in the documented form",
    )
