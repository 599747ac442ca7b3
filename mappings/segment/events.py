"""Makes events from `track` messages, and one more for each product of an order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mappings import contact, values
from mappings.errors import Reason, Unfit
from mappings.segment.actions import Action
from mappings.segment.paths import first_of
from mappings.segment.routed import Routed, identities, nobody
from mappings.values import MAX_ENTRIES, flatten

_SHARED: Final = ("properties", "time", "value", "value_currency", "unique_id")
_ORDER_IDS: Final = ("order_id", "orderId")
_PRODUCT_IDS: Final = ("product_id", "sku")


def event(message: dict[str, Any], action: Action) -> list[Routed]:
    """Return the event of the action Track Event."""
    fields = _fields(message, action)
    return [_routed(message, fields, fields.get("metric_name"))]


def order(message: dict[str, Any], action: Action) -> Iterator[Routed]:
    """Yield the event of the action Order Completed, then one for each product.

    A product's event has the properties of the order, overridden by its own, and no value, so that no value is counted
    twice.
    """
    fields = _fields(message, action)
    name = fields.get("product_event_name")
    yield _routed(message, fields, fields.get("event_name"))
    for product in _products(fields):
        yield _routed(message, product, name)


def _fields(message: dict[str, Any], action: Action) -> dict[str, Any]:
    fields: dict[str, Any] = action.find(message)
    if action.flatten_properties and isinstance(properties := fields.get("properties"), dict):
        fields["properties"] = flatten(properties)
    return fields | {"time": _time(fields.get("time") or message.get("timestamp"))}


def _routed(message: dict[str, Any], fields: dict[str, Any], metric: Any) -> Routed:
    profile = fields.get("profile", {})
    person = profile if isinstance(profile, dict) else {}
    fragment = {"metric": metric, "profile": profile} | {name: fields.get(name) for name in _SHARED}
    return Routed(
        "event",
        "event",
        {name: value for name, value in fragment.items() if value is not None},
        identities(person, message),
        **(fields.get("fault") or nobody("event", person)),
    )


def _time(time: Any) -> Any:
    """Return the time in Ferry's form; unchanged if it cannot be read, so that the dead letter shows it."""
    try:
        return None if time is None else values.to_iso(time)
    except Unfit:
        return time


def _products(fields: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the fields of each product's event, with a `fault` for a product that is not an object."""
    products, properties = fields.get("products"), fields.get("properties")
    shared = properties if isinstance(properties, dict) else {}
    shared = {name: value for name, value in shared.items() if name != "products"}
    base = contact.text(first_of(shared, _ORDER_IDS)) or contact.text(fields.get("unique_id")) or fields["time"]
    entries = products if isinstance(products, list) else []
    if len(entries) > MAX_ENTRIES:  # each would be a copy of the order, and Klaviyo does not take so long a list
        detail = f"products has {len(entries)} entries; Klaviyo takes {MAX_ENTRIES}"
        yield fields | {"properties": shared, "value": None, "fault": _fault(Reason.PROPERTIES_TOO_MANY, detail)}
        return
    used: dict[str, int] = {}
    for index, product in enumerate(entries):
        own = product if isinstance(product, dict) else {}
        line = fields | {"properties": shared | own, "value": None, "unique_id": _id(base, index, own, used)}
        if own is not product:
            detail = f"products[{index}] is not a JSON object; send each product as one, with its product_id"
            line["fault"] = _fault(Reason.PROPERTIES_INVALID, detail)
        yield line


def _fault(reason: Reason, detail: str) -> dict[str, str]:
    return {"reason": reason, "detail": detail}


def _id(base: str | None, index: int, product: dict[str, Any], used: dict[str, int]) -> str:
    """Return an id made of the order's and the product's, so that an order sent twice is counted once.

    If one product is on two lines of an order, a number is appended: Klaviyo refuses a whole request for a repeated id.
    `used`: the ids so far, each with the last number tried; trying them all from 2 for each line would take minutes for
    an order that names one product ten thousand times.
    """
    plain = found = f"{base}:{contact.text(first_of(product, _PRODUCT_IDS)) or index}"
    while found in used:
        used[plain] += 1
        found = f"{plain}:{used[plain]}"
    used[found] = 1
    return found
