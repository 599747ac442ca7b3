"""A person as a CDP describes them, before any rule of ours has been applied.

What the queue keeps of a person: the CDP's own JSON object, byte for byte as it came.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from mappings.errors import Reason, Rejected


class Identity(msgspec.Struct, frozen=True, gc=False):
    """One identity of a person.

    `type` is the Firehose spelling (`email`, `customer`, `other` ... `other10`, `mobile_number`,
    `phone_number_2`, `phone_number_3`, `mpid`) or, from `/v1/changes`, `email`, `phone`, `external_id`.
    `encoding` is `raw`, `md5`, `sha1` or `sha256`; whatever is not `raw` counts as hashed.
    """

    type: str
    value: str
    encoding: str = "raw"


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """One attribute written (`deleted` false) or removed (`deleted` true), in the order the CDP gave it.

    `value` is JSON; a tag is True. A `value` of None removes the attribute too.
    """

    key: str
    value: Any = None
    deleted: bool = False


class Person(msgspec.Struct, frozen=True):
    """Identities and attribute writes of one person; later attributes win over earlier ones of the same name.

    `klaviyo_names`: the sender knows Klaviyo, so attributes named like Klaviyo's own fields (`first_name`, `city`)
    are meant for these fields. mParticle's are not: only its reserved `$` names and the property mapping are.
    """

    identities: tuple[Identity, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    klaviyo_names: bool = False


_DECODER = msgspec.json.Decoder()


def decode(fragment: bytes) -> dict[str, Any]:
    """The fragment as an object; raises Rejected(fragment_unreadable) when it is none.

    Intake stores a person without looking into every value, so one with a lone surrogate, a broken byte or a number
    beyond any float may arrive. The standard library reads these where msgspec refuses the whole person for them;
    the mapping then leaves out what Klaviyo cannot take.
    """
    try:
        try:
            decoded = _DECODER.decode(fragment)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            decoded = json.loads(fragment.decode(errors="replace"))
    except (ValueError, RecursionError) as error:
        raise unreadable("is not JSON, or nested beyond reading") from error
    if not isinstance(decoded, dict):
        raise unreadable("is no JSON object")
    return decoded


def unreadable(what: str, field: str | None = None) -> Rejected:
    """The error for a fragment that no correction of a mapping will make readable."""
    return Rejected(
        Reason.FRAGMENT_UNREADABLE,
        field,
        f"the stored person {what}; send the person again in the documented form",
    )
