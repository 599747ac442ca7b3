"""What Segment's actions make of a message (Segment: destination "Klaviyo (Actions)").

Nothing is sent or stored here: a message goes in, and what is to be done comes out, each part with the queue it is for.
Times, ids and lists are decided here, once, so that they cannot change while a change waits; addresses, phones and
attributes are checked when it is delivered, by the rules of that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from mappings import contact
from mappings.segment import engage as segment_engage
from mappings.segment import events, paths
from mappings.segment.actions import Action, Name
from mappings.segment.routed import LIST_UNKNOWN, Change, Routed, identities, nobody

_TRUE: Final = (True, "true")
_TRAITS: Final = (paths.parse_path("$.context.traits"), paths.parse_path("$.traits"))
_ENGAGE: Final = frozenset({"add_profile_to_list", "remove_profile_from_list"})


def route(message: dict[str, Any], actions: Sequence[Action]) -> Iterator[Routed]:
    """What these actions do for this message, in their order; nothing when it is for none of them.

    One after the other is made only when it is asked for, because an order's properties are in the event of each of
    its products. The caller has given the message a `timestamp` where it came without one. A fault of one mapping is
    a `Routed` with a reason and costs the others nothing. A completed order is not tracked a second time.
    """
    seen = segment_engage.as_event(message)
    acting = [action for action in actions if action.trigger.fires(seen if action.name in _ENGAGE else message)]
    if any(action.name == "order_completed" for action in acting):
        acting = [action for action in acting if action.name != "track_event"]
    for action in acting:
        yield from _ROUTES[action.name](message, action)


def _upsert(message: dict[str, Any], action: Action) -> list[Routed]:
    fields = _person(message, action)
    own = paths.resolve(action.list_id, message)
    list_id = fields.pop("override_list_id", own)
    if paths.is_there(list_id):
        return [_membership(message, "add", fields, list_id)]
    return [Routed("profile", "update", fields, identities(fields, message), **nobody("profile", fields))]


def _add(message: dict[str, Any], action: Action) -> list[Routed]:
    return [_membership(message, "add", _person(message, action), _list(message, action))]


def _remove(message: dict[str, Any], action: Action) -> list[Routed]:
    return [_membership(message, "remove", _person(message, action), _list(message, action))]


def _remove_from_named(message: dict[str, Any], action: Action) -> list[Routed]:
    """Remove Profile acts only where its list is found: it looks at every identify, and most remove nobody."""
    list_id = paths.resolve(action.list_id, message)
    if not paths.is_there(list_id):
        return []
    return [_membership(message, "remove", _person(message, action), list_id)]


def _subscribe(message: dict[str, Any], action: Action) -> list[Routed]:
    return [_consent(message, action, "subscribe")]


def _unsubscribe(message: dict[str, Any], action: Action) -> list[Routed]:
    return [_consent(message, action, "unsubscribe")]


_ROUTES: Final[dict[Name, Callable[[dict[str, Any], Action], Iterable[Routed]]]] = {
    "upsert_profile": _upsert,
    "add_profile_to_list": _add,
    "remove_profile_from_list": _remove,
    "remove_profile": _remove_from_named,
    "subscribe_profile": _subscribe,
    "unsubscribe_profile": _unsubscribe,
    "track_event": events.event,
    "order_completed": events.order,
}


def _person(message: dict[str, Any], action: Action) -> dict[str, Any]:
    """The person as the fields of the action find them, without what is empty."""
    fields: dict[str, Any] = paths.resolve(action.fields, message)
    mapped = fields.get("properties", {})
    if action.traits_as_properties and isinstance(mapped, dict):
        fields["properties"] = _custom_traits(message, action) | mapped
    return {name: value for name, value in fields.items() if paths.is_there(value) and value != {}}


def _custom_traits(message: dict[str, Any], action: Action) -> dict[str, Any]:
    """The traits that no field of the action takes; those of the message win over those of its context."""
    traits: dict[str, Any] = {}
    for place in _TRAITS:
        found = place.find(message)
        traits |= found if isinstance(found, dict) else {}
    return {name: value for name, value in traits.items() if name not in action.taken}


def _membership(message: dict[str, Any], change: Change, fields: dict[str, Any], named: Any) -> Routed:
    """`named`: the list's id as it was found, of whatever type; None: the audience's own list, found by its name."""
    who = identities(fields, message)
    return Routed("audience", change, fields, who, **(_audience(message, named) | nobody("audience", fields)))


def _audience(message: dict[str, Any], named: Any) -> dict[str, str]:
    """Whose list it is, or the fault.

    A queue is named by its list where that is known, so that whatever puts a person on one list stays in one order.
    """
    if list_id := contact.text(named):
        return {"list_id": list_id, "audience_id": f"list:{list_id}"}
    if named is None and (engage := segment_engage.audience(message)):
        return {"audience_id": engage[0], "audience_name": engage[1]}
    return {
        "reason": LIST_UNKNOWN,
        "detail": "neither list_id of the action nor context.personas of the message names a list; set one of them",
    }


def _list(message: dict[str, Any], action: Action) -> Any:
    """The list that the action's settings find, else the one that Engage names."""
    named = paths.resolve(action.list_id, message)
    return named if paths.is_there(named) else segment_engage.list_id(message)


def _consent(message: dict[str, Any], action: Action, change: Change) -> Routed:
    """A consent is historical only when the action says so; since when it holds is told for no other."""
    fields: dict[str, Any] = paths.resolve(action.fields | {"list_id": action.list_id}, message)
    historical = fields.pop("historical_import", False) in _TRUE
    since = fields.pop("consented_at", None)
    if historical:
        fields |= {"historical_import": True, "consented_at": since}
    return Routed("consent", change, fields, identities(fields, message), **nobody("consent", fields))
