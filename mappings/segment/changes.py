"""Applies Segment's actions to a message (Segment: destination "Klaviyo (Actions)").

Nothing is sent or stored here: `route` returns the changes that a message causes, each with its queue. Times, ids and
lists are decided here, once, so that they stay the same while a change is pending; addresses, phone numbers and
attributes are checked at delivery, by the rules of that time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from mappings import contact
from mappings.consent import CHANNELS
from mappings.segment import engage as segment_engage
from mappings.segment import events, paths, rudderstack
from mappings.segment.actions import Action, Name, View, unchanged
from mappings.segment.people import described
from mappings.segment.routed import CHANNEL_UNKNOWN, LIST_UNKNOWN, Change, Routed, identities, nobody
from mappings.segment.triggers import type_of
from text.json_names import shown

_TRUE: Final = (True, "true")
_NO_LIST: Final = "neither list_id of the action nor context.personas of the message names a list; set one of them"
#: Unknown channels that a message shows.
_SHOWN: Final = 3
#: The fields of a consent's person.
_ADDRESSED: Final = ("email", "phone_number", "country_code")


def route(message: dict[str, Any], actions: Sequence[Action]) -> Iterator[Routed]:
    """Yield the changes that these actions make of this message, in order; none if no action fires.

    They are made one at a time, on demand, because the event of each product contains the properties of its order. The
    caller adds a `timestamp` to a message without one. An error in one mapping becomes a `Routed` with a reason and
    does not affect the others. A completed order is not tracked a second time. Each action reads the message by its
    own view.
    """
    acting = _acting(message, actions)
    if len(acting) > 1 and any(action.name == "order_completed" for action, _ in acting):
        acting = [(action, seen) for action, seen in acting if action.name != "track_event"]
    for action, seen in acting:
        yield from _ROUTES[action.name](seen, action)


def _acting(message: dict[str, Any], actions: Sequence[Action]) -> list[tuple[Action, dict[str, Any]]]:
    """Return the actions that the message triggers, each with its view of the message."""
    acting = []
    view: View = unchanged
    seen, kind = message, type_of(message)
    for action in actions:
        if action.view is not view:
            view = action.view
            seen = view(message)
            kind = type_of(seen)
        test = action.trigger.tests.get(kind)
        if test and test(seen):
            acting.append((action, seen))
    return acting


def _upsert(message: dict[str, Any], action: Action) -> list[Routed]:
    fields = described(message, action)
    own = action.find_list(message)
    list_id = fields.pop("override_list_id", own)
    if paths.is_there(list_id):
        return [_membership(message, "add", fields, list_id)]
    return [Routed("profile", "update", fields, identities(fields, message), **nobody("profile", fields))]


def _add(message: dict[str, Any], action: Action) -> list[Routed]:
    return [_membership(message, "add", described(message, action), _list(message, action))]


def _remove(message: dict[str, Any], action: Action) -> Iterator[Routed]:
    fields = described(message, action)
    named = _channels(fields.pop("channels", None))
    channels = [channel for channel in named if contact.text(fields.get(CHANNELS[channel]))]
    removal = _membership(message, "remove", fields, _list(message, action))
    yield removal
    if channels and removal.list_id:
        yield _taken_back(message, fields, channels, removal.list_id)


def _taken_back(message: dict[str, Any], fields: dict[str, Any], channels: list[str], list_id: str) -> Routed:
    """Return the change that takes back the consents that still wait for a list: the person's last word was no."""
    known: dict[str, Any] = {name: fields[name] for name in _ADDRESSED if name in fields}
    known |= {"channels": channels, "list_id": list_id, "waiting_only": True}
    return Routed("consent", "unsubscribe", known, identities(known, message))


def _remove_from_named(message: dict[str, Any], action: Action) -> list[Routed]:
    """Apply Remove Profile only if its list is found: it fires for every identify, and most of them remove nobody."""
    list_id = action.find_list(message)
    if not paths.is_there(list_id):
        return []
    return [_membership(message, "remove", described(message, action), list_id)]


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


def _membership(message: dict[str, Any], change: Change, fields: dict[str, Any], named: Any) -> Routed:
    """Return the change. `named`: the list's id as found, of any type; None: the audience's own list, found by name."""
    who = identities(fields, message)
    return Routed("audience", change, fields, who, **(_audience(message, named) | nobody("audience", fields)))


def _audience(message: dict[str, Any], named: Any) -> dict[str, str]:
    """Return the audience and its list, or the error.

    A queue with a known list is named after it, so that all changes to one list stay in order.
    """
    if list_id := contact.text(named):
        return {"list_id": list_id, "audience_id": f"list:{list_id}"}
    if named is None and (engage := segment_engage.audience(message)):
        return {"audience_id": engage[0], "audience_name": engage[1]}
    nowhere = rudderstack.NO_LIST if "rudderstack" in message else _NO_LIST
    return {"reason": LIST_UNKNOWN, "detail": nowhere}


def _list(message: dict[str, Any], action: Action) -> Any:
    """Return the list that the action's settings give, else the one that Engage names."""
    named = action.find_list(message)
    return named if paths.is_there(named) else segment_engage.list_id(message)


def _consent(message: dict[str, Any], action: Action, change: Change) -> Routed:
    """Return the consent; only one that the action marks as historical keeps the time it was given."""
    fields: dict[str, Any] = action.find(message)
    if paths.is_there(list_id := action.find_list(message)):
        fields["list_id"] = list_id
    historical = fields.pop("historical_import", False) in _TRUE
    since = fields.pop("consented_at", None)
    if historical:
        fields |= {"historical_import": True, "consented_at": since}
    fault = nobody("consent", fields)
    if "channels" in action.fields:
        named = fields.get("channels")
        channels = _channels(named)
        # Unknown ones are kept: without any, a replay would subscribe to every channel.
        fields["channels"] = channels or named or []
        fault = fault or _channel_fault(channels, named)
        if change == "subscribe" and (asked := rudderstack.asked_list(message)):
            fields["given_for"] = asked
    return Routed("consent", change, fields, identities(fields, message), **fault)


def _channels(named: Any) -> list[str]:
    """Return the known channels among those that the message names, in any case, as a text with commas or a list."""
    names = {name.strip().lower() for text in _texts(named) for name in text.split(",")}
    return [channel for channel in CHANNELS if channel in names]


def _texts(named: Any) -> list[str]:
    return [text for text in (named if isinstance(named, list) else [named]) if isinstance(text, str)]


def _channel_fault(channels: list[str], named: Any) -> dict[str, str]:
    if channels:
        return {}
    found = ", ".join(map(shown, _texts(named)[:_SHOWN])) or "no text"
    missing = f"the message names none of the channels {', '.join(CHANNELS)}, but {found}"
    return {"reason": CHANNEL_UNKNOWN, "detail": f"{missing}; name one, or map channels"}
