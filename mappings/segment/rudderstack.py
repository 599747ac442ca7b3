"""RudderStack's Klaviyo destination as templates of the same actions.

Sources: RudderStack docs, Klaviyo destination; rudder-transformer, destination klaviyo, profile mapping of its second
version. The places of a field are in RudderStack's order; places that only Ferry knows come last. RudderStack asks for
membership and consent by a flag in the traits, see `asking`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mappings import contact
from mappings.segment.actions import Name
from mappings.segment.engage import NAMES
from mappings.segment.paths import is_there
from mappings.segment.templates import FLATTEN, PROPERTIES, USER_ID, Template, first
from mappings.segment.templates import TEMPLATES as SEGMENT

_TRAITS, _CONTEXT, _PROPERTIES = "$.traits", "$.context.traits", "$.properties"
#: What is wrong with a message that asks for a list and names none.
NO_LIST: Final = "neither groupId of the message nor list_id of the action names a list; set one of them"
_FLAGS: Final = {"true": True, "false": False}


def asking(message: dict[str, Any]) -> dict[str, Any]:
    """Return the message with `rudderstack`: what its flag asks for, as `{"subscribe", "list", "consent"}`.

    An identify has the flag, the list and the channels in `traits.properties`; a group has the flag in `traits` and the
    list as `groupId`; `traits.consent` takes precedence for the channels. RudderStack reads the message's traits or, if
    there are none, those of its context. An identify without a list asks for nothing.
    """
    if message.get("type") not in ("identify", "group"):
        return message
    traits = _table(message, "traits") or _table(_table(message, "context"), "traits")
    inner = _table(traits, "properties")
    asked: dict[str, Any] = {}
    if message["type"] == "group":
        asked = {"subscribe": _flag(traits.get("subscribe")), "list": message.get("groupId")}
    elif is_there(inner.get("listId")):
        asked = {"subscribe": _flag(inner.get("subscribe")), "list": inner["listId"]}
    return message | {"rudderstack": asked | {"consent": traits.get("consent") or inner.get("consent") or None}}


def asked_list(message: Mapping[str, Any]) -> str | None:
    """Return the list that a message asks for, as `asking` has read it."""
    return contact.text(_table(message, "rudderstack").get("list")) or None


def _table(message: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = message.get(name)
    return found if isinstance(found, dict) else {}


def _flag(value: Any) -> bool | None:
    """Return true or false, also as text; None for anything else, where RudderStack counts every text as true."""
    if isinstance(value, str):
        return _FLAGS.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _everywhere(*names: str) -> tuple[str, ...]:
    """Return the places of a trait: the message's traits with their address, its context's, and its properties."""
    bases = (_TRAITS, f"{_TRAITS}.address", _CONTEXT, f"{_CONTEXT}.address", _PROPERTIES)
    return tuple(f"{base}.{name}" for base in bases for name in names)


def _traits(*names: str) -> tuple[str, ...]:
    return tuple(f"{base}.{name}" for base in (_TRAITS, _CONTEXT) for name in names)


def _flat(name: str) -> tuple[str, ...]:
    return (*_traits(name), f"{_PROPERTIES}.{name}")


_STATE: Final = tuple(
    f"{base}.state" for base in (_TRAITS, f"{_TRAITS}.address", f"{_CONTEXT}.address", _CONTEXT, _PROPERTIES)
)
_CONTACT: Final = {
    "email": first(*_flat("email")),
    "phone_number": first(*_flat("phone"), *_traits("phone_number")),
    "country_code": None,
}
_ID: Final = {"external_id": first("$.userId", *_traits("userId", "id"))}
_ATTRIBUTES: Final = {
    "first_name": first(*_traits("firstName", "firstname", "first_name")),
    "last_name": first(*_traits("lastName", "lastname", "last_name")),
    "organization": first(*_flat("organization"), *_traits("company.name"), *_traits("company")),
    "title": first(*_flat("title")),
    "image": first(*_flat("image"), *_traits("avatar")),
    "location": {
        "address1": first(*_everywhere("street")),
        "address2": None,
        "city": first(*_everywhere("city")),
        "region": first(*_everywhere("region"), *_STATE),
        "zip": first(*_everywhere("zip", "postalcode", "postalCode"), *_everywhere("postal_code")),
        "country": first(*_everywhere("country")),
        "latitude": first("$.latitude", "$.context.address.latitude", "$.context.location.latitude"),
        "longitude": first("$.longitude", "$.context.address.longitude", "$.context.location.longitude"),
        "timezone": first(*_flat("timezone")),
        "ip": first("$.context.ip", "$.request_ip"),
    },
}
_NO_ATTRIBUTES: Final[dict[str, Any]] = {
    **dict.fromkeys(("first_name", "last_name", "organization", "title", "image")),
    "location": dict.fromkeys(("address1", "address2", "city", "region", "zip", "country"))
    | dict.fromkeys(("latitude", "longitude", "timezone", "ip")),
    "properties": None,
}
_EVENT: Final = {
    "profile": {**_CONTACT, **_ID, "anonymous_id": "$.anonymousId"},
    "properties": _PROPERTIES,
    "time": "$.timestamp",
    "value": first("$.properties.revenue", "$.properties.total", "$.properties.value"),
    "value_currency": "$.properties.currency",
    "unique_id": "$.messageId",
}


def _option(name: str) -> dict[str, Any] | str:
    return first(*(f"$.integrations['{destination}'].{name}" for destination in NAMES))


#: Identifiers of Klaviyo and of a device, and what RudderStack reads as instructions.
_NEVER: Final = (("_kx",), ("anonymousId",), *(("properties", name) for name in ("subscribe", "listId", "consent")))
_FLAGGED: Final = '(type = "identify" or type = "group") and rudderstack.subscribe = '
_LIST, _CHANNELS = "$.rudderstack.list", {"channels": "$.rudderstack.consent"}
_SOURCE: Final = {"custom_source": None, "historical_import": False, "consented_at": "$.timestamp"}

TEMPLATES: Final[dict[Name, Template]] = {
    "upsert_profile": Template(
        "profile",
        'type = "identify"',
        {
            **_CONTACT,
            **_ID,
            **_ATTRIBUTES,
            "properties": None,
            "append": _option("fieldsToAppend"),
            "unappend": _option("fieldsToUnappend"),
            "unset": _option("fieldsToUnset"),
            "override_list_id": None,
        },
        options=PROPERTIES,
        traits_as_properties=True,
        never=_NEVER,
        view=asking,
    ),
    "add_profile_to_list": Template(
        "audience",
        f"{_FLAGGED}true",
        {**_CONTACT, **_ID, **_NO_ATTRIBUTES},
        list_path=_LIST,
        options=PROPERTIES,
        never=_NEVER,
        view=asking,
    ),
    "remove_profile_from_list": Template(
        "audience", f"{_FLAGGED}false", {**_CONTACT, **_ID, **_CHANNELS}, list_path=_LIST, options=USER_ID, view=asking
    ),
    "remove_profile": Template(
        "audience", 'type = "identify"', {**_CONTACT, **_ID}, list_id="must", options=USER_ID, view=asking
    ),
    "subscribe_profile": Template(
        "consent",
        f"{_FLAGGED}true and rudderstack.consent != null",
        {**_CONTACT, **_CHANNELS, **_SOURCE},
        view=asking,
    ),
    "unsubscribe_profile": Template(
        "consent",
        f"{_FLAGGED}false and rudderstack.consent != null",
        {**_CONTACT, **_CHANNELS},
        list_path=_LIST,
        view=asking,
    ),
    "track_event": Template(
        "event",
        'type = "track" or type = "screen"',
        {"metric_name": first("$.event", "$.name"), **_EVENT},
        list_id="no",
        options=FLATTEN,
    ),
    "order_completed": Template(
        "event",
        SEGMENT["order_completed"].trigger,
        {**SEGMENT["order_completed"].fields, **_EVENT},
        list_id="no",
        options=FLATTEN,
    ),
}
#: Without unsubscribe_profile: leaving a list takes back the consents that wait for it, and no others. Without
#: order_completed, because RudderStack sends one event for an order.
ACTIVE: Final[tuple[Name, ...]] = (
    "upsert_profile",
    "add_profile_to_list",
    "remove_profile_from_list",
    "subscribe_profile",
    "track_event",
)
