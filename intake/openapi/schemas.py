"""What an OpenAPI document is made of: the schemas of structs, references to them, parameters and answers. Pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from intake.http.errors import RETRY_AFTER

Schema = dict[str, Any]

_PLACE: Final = "#/components/schemas/"
#: After these one may repeat the request.
_AGAIN: Final = ("429", "503")
#: Said of every time of a change.
CLAMPED: Final = "In the future or before 2015: counts as the time of arrival."


def ref(name: str) -> Schema:
    """A reference to a schema of the document."""
    return {"$ref": _PLACE + name}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def requests(**named: type[Struct]) -> Schema:
    """The schemas of these structs, by the names they have in the document, and of those within them, by their own.

    msgspec knows no more of a Raw part than its Meta says; a reference there may lead to any schema of the document.
    """
    refs, found = msgspec.json.schema_components(named.values(), ref_template=_PLACE + "{name}")
    names = {each["$ref"].removeprefix(_PLACE): name for name, each in zip(named, refs, strict=True)}
    for schema in found.values():  # whose docstring is broken into lines
        schema["description"] = " ".join(schema["description"].split())
    return {names.get(name, name): _renamed(schema, names) for name, schema in found.items()}


def answers(**named: type[Struct]) -> Schema:
    """The same of what is answered: of a struct that is named here every field is there, unless it may be unset."""
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
    # A title says the name of the class, unless it is a field of that name.
    found = {key: _renamed(value, names) for key, value in part.items() if key != "title" or isinstance(value, dict)}
    place = found.get("$ref", "").removeprefix(_PLACE)
    return found | ref(names[place]) if place in names else found


def _complete(schema: Schema, kind: type[Struct]) -> None:
    unset = {each.encode_name for each in msgspec.structs.fields(kind) if each.default is UNSET}
    schema["required"] = [name for name in schema["properties"] if name not in unset]
    for each in schema["properties"].values():
        each.pop("default", None)


def parameter(name: str, about: str, place: str = "query", *, example: str = "", **schema: Any) -> Schema:
    """A parameter: text, unless `schema` says otherwise. One in the path is needed."""
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
    """One operation. `body`: what it takes, by the media type; `needed`: it must not be left out."""
    made: Schema = {"operationId": name, "summary": summary, "description": description, "responses": responses}
    if parameters:
        made["parameters"] = list(parameters)
    return made | ({"requestBody": {"required": needed, "content": body}} if body else {})


def errors(kind: str, *statuses: str) -> Schema:
    """References to the answers that are errors; `kind`: whose."""
    return {status: {"$ref": f"#/components/responses/{kind}{status}"} for status in sorted(statuses)}


def failures(kind: str, texts: dict[str, str]) -> Schema:
    """The answers that `errors` refers to."""
    found = {kind + status: answer(text, ref("Error")) for status, text in texts.items()}
    seconds = {"schema": {"type": "integer"}, "description": f"Seconds, such as {RETRY_AFTER}."}
    return found | {kind + status: found[kind + status] | {"headers": {"Retry-After": seconds}} for status in _AGAIN}


def answer(description: str, schema: Schema) -> Schema:
    """An answer in JSON."""
    return {"description": description, "content": in_json(schema)}


def in_json(schema: Schema) -> Schema:
    """A body in JSON."""
    return {"application/json": {"schema": schema}}
