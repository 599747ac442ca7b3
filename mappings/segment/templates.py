"""The eight actions of Segment's Klaviyo destination: their triggers, fields and default mapping.

The defaults are Segment's (destination "Klaviyo (Actions)"), with these corrections: the user id is the external id of
people as well as of events, so that a user is one profile; the phone number may be among the traits of the message or
of its context; events take the e-mail from every place where a message may have it; the value and the products of an
order are found; and Remove Profile fires for `identify`, where Segment's fires for a type that no message has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from mappings.segment.actions import Kind, Name, View, unchanged
from mappings.segment.engage import as_event
from mappings.segment.traits import Steps


@dataclass(frozen=True, slots=True)
class Template:
    """The defaults of an action; `fields` contains every field of the action, None without a default.

    `list_id`: whether its settings may name a list; `list_path`: its default. `options`: the switches that it has;
    `traits_as_properties`: the default of that one. `never`: places below the traits that never become properties.
    `view`: how the action reads a message.
    """

    kind: Kind
    trigger: str
    fields: dict[str, Any]
    list_id: Literal["no", "may", "must"] = "may"
    list_path: str | None = None
    options: frozenset[str] = frozenset()
    traits_as_properties: bool = False
    never: tuple[Steps, ...] = ()
    view: View = unchanged


def first(*paths: str) -> dict[str, Any] | str:
    """Return the mapping, as written in JSON or TOML, that takes the first of these paths that has a value."""
    path, *rest = paths
    return {"@if": {"exists": path, "then": path, "else": first(*rest)}} if rest else path


def _traits(*places: str) -> dict[str, Any]:
    """Return Segment's default fields of a person whose attributes are at these places, in order of preference."""

    def at(name: str) -> dict[str, Any] | str:
        return first(*(f"{place}.{name}" for place in places))

    return {
        "first_name": at("firstName"),
        "last_name": at("lastName"),
        "organization": at("company.name"),
        "title": at("title"),
        "image": at("avatar"),
        "location": {
            "address1": at("address.street"),
            "address2": None,
            "city": at("address.city"),
            "region": at("address.state"),
            "zip": first(*(f"{place}.address.{name}" for place in places for name in ("postal_code", "postalCode"))),
            "country": at("address.country"),
            "latitude": None,
            "longitude": None,
            "timezone": None,
            "ip": None,
        },
    }


_TRAITS, _CONTEXT = "$.traits", "$.context.traits"
_OWN_FIRST: Final = {
    "email": first(f"{_TRAITS}.email", f"{_CONTEXT}.email"),
    "phone_number": first(f"{_TRAITS}.phone", f"{_CONTEXT}.phone"),
    "country_code": None,
}
_CONTEXT_FIRST: Final = {
    "email": first(f"{_CONTEXT}.email", f"{_TRAITS}.email"),
    "phone_number": first(f"{_CONTEXT}.phone", f"{_TRAITS}.phone"),
    "country_code": None,
}
_USER_ID: Final = {"external_id": "$.userId"}
_EVENT: Final = {
    "profile": {
        "email": first(f"{_CONTEXT}.email", f"{_TRAITS}.email", "$.properties.email"),
        "phone_number": first(f"{_CONTEXT}.phone", f"{_TRAITS}.phone", "$.properties.phone"),
        "country_code": None,
        **_USER_ID,
        "anonymous_id": "$.anonymousId",
    },
    "properties": "$.properties",
    "time": "$.timestamp",
    "value": first("$.properties.revenue", "$.properties.total", "$.properties.value"),
    "value_currency": None,
    "unique_id": "$.messageId",
}
USER_ID: Final = frozenset({"user_id_as_external_id"})
FLATTEN: Final = frozenset({"flatten_properties"})
PROPERTIES: Final = USER_ID | FLATTEN | {"traits_as_properties"}

TEMPLATES: Final[dict[Name, Template]] = {
    "upsert_profile": Template(
        "profile",
        'type = "identify"',
        {
            **_OWN_FIRST,
            **_USER_ID,
            **_traits(_TRAITS),
            "properties": "$.properties",
            "override_list_id": "$.integrations.Klaviyo.listId",
        },
        options=PROPERTIES,
    ),
    "add_profile_to_list": Template(
        "audience",
        'type = "track" and event = "Audience Entered"',
        {
            **_CONTEXT_FIRST,
            **_USER_ID,
            **_traits("$.properties", _TRAITS),
            "properties": "$.properties.properties",
        },
        options=PROPERTIES,
        view=as_event,
    ),
    "remove_profile_from_list": Template(
        "audience",
        'type = "track" and event = "Audience Exited"',
        {**_CONTEXT_FIRST, **_USER_ID},
        options=USER_ID,
        view=as_event,
    ),
    "remove_profile": Template(
        "audience", 'type = "identify"', {**_OWN_FIRST, **_USER_ID}, list_id="must", options=USER_ID
    ),
    "subscribe_profile": Template(
        "consent",
        'type = "track" and event = "User Subscribed"',
        {**_OWN_FIRST, "custom_source": "-59", "historical_import": False, "consented_at": "$.timestamp"},
    ),
    "unsubscribe_profile": Template("consent", 'type = "track" and event = "User Unsubscribed"', {**_OWN_FIRST}),
    "track_event": Template(
        "event", 'type = "track"', {"metric_name": "$.event", **_EVENT}, list_id="no", options=FLATTEN
    ),
    "order_completed": Template(
        "event",
        'type = "track" and event = "Order Completed"',
        {
            "event_name": "Order Completed",
            "product_event_name": "Ordered Product",
            **_EVENT,
            "products": "$.properties.products",
        },
        list_id="no",
        options=FLATTEN,
    ),
}
