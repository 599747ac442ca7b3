"""A person as a CDP describes them, before any rule of ours has been applied."""

from __future__ import annotations

from typing import Any

import msgspec


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
