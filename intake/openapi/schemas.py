"""Parts of an OpenAPI document: the schemas of structs, references to them, parameters and answers. Pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from intake.http.errors import RETRY_AFTER

Schema = dict[str, Any]

_PLACE: Final = "#/components/schemas/"
#: The statuses with a Retry-After header.
_AGAIN: Final = ("429", "503")
#: Part of the description of every time of a change.
CLAMPED: Final = "A time in the future or before 2015 is replaced by the time of arrival."


def ref(name: str) -> Schema:
    """Return a reference to a schema of the document."""
    return {"$ref": _PLACE + name}


def maybe(schema: Schema) -> Schema:
    """Return the schema for the same value or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def requests(**named: type[Struct]) -> Schema:
    """Return the schemas of these structs by the given names, and of structs within them by their own names.

    For a Raw part msgspec knows only its Meta; a reference there may lead to any schema of the document.
    """
    refs, found = msgspec.json.schema_components(named.values(), ref_template=_PLACE + "{name}")
    names = {each["$ref"].removeprefix(_PLACE): name for name, each in zip(named, refs, strict=True)}
    for schema in found.values():  # the docstrings have line breaks
        schema["description"] = " ".join(schema["description"].split())
    return {names.get(name, name): _renamed(schema, names) for name, schema in found.items()}


def answers(**named: type[Struct]) -> Schema:
    """Return the same for answers: every field of the named structs is required, unless it may be unset."""
    found = requests(**named)
    for name, kind in named.items():
        if not kind.__struct_config__.omit_defaults:
            _complete(found[name], kind)
    return found


def _renamed(part: Any, names: dict[str, str]) -> Any:
    if isinstance(part, list):
        return [_renamed(each, names) for each in part]
    if not isinstance(part, dict):
        return part
    # A title is the name of the class, unless it is a field called title.
    found = {key: _renamed(value, names) for key, value in part.items() if key != "title" or isinstance(value, dict)}
    place = found.get("$ref", "").removeprefix(_PLACE)
    return found | ref(names[place]) if place in names else found


def _complete(schema: Schema, kind: type[Struct]) -> None:
    unset = {each.encode_name for each in msgspec.structs.fields(kind) if each.default is UNSET}
    schema["required"] = [name for name in schema["properties"] if name not in unset]
    for each in schema["properties"].values():
        each.pop("default", None)


def parameter(name: str, about: str, place: str = "query", *, example: str = "", **schema: Any) -> Schema:
    """Return a parameter: text, unless `schema` says otherwise. A parameter in the path is required."""
    said = (
        schema if "oneOf" in schema else {"type": "string", **({"minLength": 1} if place == "path" else {}), **schema}
    )
    made: Schema = {"name": name, "in": place, "description": about, "schema": said}
    return made | ({"required": True} if place == "path" else {}) | ({"example": example} if example else {})


def operation(
    name: str,
    summary: str,
    description: str,
    responses: Schema,
    *parameters: Schema,
    body: Schema | None = None,
    needed: bool = True,
) -> Schema:
    """Return one operation. `body`: its content by media type; `needed`: the body is required."""
    made: Schema = {"operationId": name, "summary": summary, "description": description, "responses": responses}
    if parameters:
        made["parameters"] = list(parameters)
    return made | ({"requestBody": {"required": needed, "content": body}} if body else {})


def errors(kind: str, *statuses: str) -> Schema:
    """Return references to the error answers; `kind`: prefix of their names."""
    return {status: {"$ref": f"#/components/responses/{kind}{status}"} for status in sorted(statuses)}


def failures(kind: str, texts: dict[str, str]) -> Schema:
    """Return the answers that `errors` refers to."""
    found = {kind + status: answer(text, ref("Error")) for status, text in texts.items()}
    seconds = {"schema": {"type": "integer"}, "description": f"Seconds, such as {RETRY_AFTER}."}
    return found | {kind + status: found[kind + status] | {"headers": {"Retry-After": seconds}} for status in _AGAIN}


def answer(description: str, schema: Schema) -> Schema:
    """Return an answer in JSON."""
    return {"description": description, "content": in_json(schema)}


def in_json(schema: Schema) -> Schema:
    """Return the content of a JSON body."""
    return {"application/json": {"schema": schema}}
