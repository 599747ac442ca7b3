"""Reads the actions of a connection from tables of TOML or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeGuard, get_args

from marshmallow import Schema, ValidationError, fields, validate

from mappings.complaints import complaints
from mappings.segment import lookups, paths, traits, triggers
from mappings.segment.actions import Action, Name
from mappings.segment.paths import Value
from mappings.segment.presets import DEFAULT, PRESETS, Preset
from mappings.segment.templates import Template

#: The limit that Segment has.
MOST: Final = 50
#: Fields that may be a table of mappings; all others are one value.
_TABLES: Final = frozenset({"location", "profile", "properties"})
#: Fields that may be a list of values.
_LISTS: Final = frozenset({"products", "append", "unappend", "unset", "channels"})
#: Kinds of change in which a null clears a field.
_CLEARING: Final = ("profile", "audience")
_SWITCHES: Final = ("user_id_as_external_id", "traits_as_properties", "flatten_properties")
#: Fields of Segment's own settings that Ferry has in another place.
_ELSEWHERE: Final = {"list_id": "write list_id beside fields, not in it"}


class _ActionSchema(Schema):
    # marshmallow declares it an instance variable, so it cannot be a ClassVar.
    error_messages = {"unknown": "unknown; known are action, trigger, list_id, fields and the three switches"}  # noqa: RUF012

    action = fields.String(required=True, validate=validate.OneOf(get_args(Name)))
    trigger = fields.String()
    list_id = fields.Raw()
    mapping = fields.Dict(keys=fields.String(), data_key="fields", load_default=dict)
    user_id_as_external_id = fields.Boolean(load_default=None)
    traits_as_properties = fields.Boolean(load_default=None)
    flatten_properties = fields.Boolean(load_default=False)


_schema = _ActionSchema()


def read(entries: Sequence[dict[str, Any]], preset: str = DEFAULT) -> tuple[Action, ...]:
    """Return the actions in these tables, in order; raises ValueError naming the place and the remedy.

    Keys of a table: `action`; to override its template in the preset, `trigger`, `fields` and `list_id`; and the
    switches `user_id_as_external_id` (false leaves the external id out), `traits_as_properties` and
    `flatten_properties`. In `fields`, a table is merged over the template's, another value replaces the template's, and
    an empty text leaves the field out.
    """
    if len(entries) > MOST:
        raise ValueError(f"{len(entries)} actions; the limit is {MOST}: combine some with `or` in their triggers")
    known = PRESETS[preset]
    return tuple(_action(f"action {number}", entry, known) for number, entry in enumerate(entries, start=1))


def of_preset(preset: str) -> tuple[Action, ...]:
    """Return the actions of a connection that sets up none."""
    return read([{"action": name} for name in PRESETS[preset].active], preset)


def _action(place: str, entry: Any, preset: Preset) -> Action:
    try:
        loaded = _schema.load(entry)
    except ValidationError as fault:
        raise ValueError(f"{place}: {'; '.join(complaints(fault.messages, _schema))}") from fault
    place = f"{place} ({loaded['action']})"
    template = preset.templates[loaded["action"]]
    _check_switches(place, template, loaded)
    switched_off = loaded["user_id_as_external_id"] is False and "external_id" in template.fields
    own = {"external_id": ""} if switched_off else {}
    mapping = _over(f"{place}, fields", template.fields, own | loaded["mapping"])
    parsed = {name: _field(f"{place}, fields.{name}", name, raw) for name, raw in mapping.items()}
    list_id = _list(f"{place}, list_id", template, loaded.get("list_id"))
    as_properties = loaded["traits_as_properties"]
    return Action(
        name=loaded["action"],
        kind=template.kind,
        trigger=_trigger(f"{place}, trigger", loaded.get("trigger", template.trigger)),
        fields=parsed,
        find=lookups.finder(parsed, nulls=template.kind in _CLEARING),
        find_list=lookups.finder(list_id),
        list_id=list_id,
        traits_as_properties=template.traits_as_properties if as_properties is None else as_properties,
        reading=traits.readers(parsed, template.never),
        flatten_properties=loaded["flatten_properties"],
        view=template.view,
    )


def _over(place: str, template: dict[str, Any], given: dict[str, Any], extra: bool = False) -> dict[str, Any]:
    """Merge the given mappings over the template's, without empty ones; `extra`: other names are allowed."""
    if not extra and (unknown := sorted(given.keys() - template.keys())):
        hint = _ELSEWHERE.get(unknown[0], f"known are {', '.join(template)}")
        raise ValueError(f"{place}.{unknown[0]}: unknown; {hint}")
    merged = {}
    for name in template | given:
        known, raw = template.get(name), given.get(name, template.get(name))
        if _is_table(known) and _is_table(raw):
            raw = _over(f"{place}.{name}", known, given.get(name, {}), extra=name == "profile")
        if raw is not None and raw != "":
            merged[name] = raw
    return merged


def _is_table(raw: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(raw, dict) and "@if" not in raw


def _field(place: str, name: str, raw: Any) -> Value:
    if _is_table(raw) and name not in _TABLES:
        raise ValueError(f"{place}: it takes one value, not a table; write a path such as $.traits.email")
    if isinstance(raw, list) and name not in _LISTS:
        raise ValueError(f"{place}: it takes one value, not a list; write a path such as $.traits.email")
    return _parsed(place, raw)


def _parsed(place: str, raw: Any) -> Value:
    try:
        return paths.parse(raw)
    except ValueError as fault:
        raise ValueError(f"{place}: {fault}") from fault


def _trigger(place: str, text: str) -> triggers.Trigger:
    try:
        return triggers.parse(text)
    except ValueError as fault:
        raise ValueError(f"{place}: {fault}") from fault


def _list(place: str, template: Template, raw: Any) -> Value:
    raw = template.list_path if raw is None else raw
    if raw is None or raw == "":
        if template.list_id == "must":
            raise ValueError(f"{place}: missing; name the list to remove from, by its id or a path to it")
        return None
    if template.list_id == "no":
        raise ValueError(f"{place}: this action has no list; remove the setting")
    if _is_table(raw) or isinstance(raw, list):
        raise ValueError(f"{place}: it takes one value; write the list's id or a path to it")
    return _parsed(place, raw)


def _check_switches(place: str, template: Template, loaded: dict[str, Any]) -> None:
    for name in _SWITCHES:
        if loaded[name] and name not in template.options:
            raise ValueError(f"{place}, {name}: this action has no such switch; remove it")
    if loaded["user_id_as_external_id"] and "external_id" in loaded["mapping"]:
        raise ValueError(f"{place}, user_id_as_external_id: fields.external_id is set too; keep one of the two")


#: The actions of a connection without settings.
DEFAULTS: Final = of_preset(DEFAULT)
