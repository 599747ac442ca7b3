"""Reduces Klaviyo's OpenAPI document to `emulator/contract.json`: what the emulator serves, without descriptions.

`python -m tests.support.klaviyo_contract stable.json > emulator/contract.json`; the document is `openapi/stable.json`
of github.com/klaviyo/openapi. `emulator/contract.py` describes the result.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: The operations that the emulator serves, in the order of the contract.
NAMES = """
get_accounts get_account
get_lists create_list get_list update_list delete_list
get_profiles_for_list get_profile_ids_for_list add_profiles_to_list remove_profiles_from_list
get_profiles create_profile get_profile update_profile create_or_update_profile
get_lists_for_profile get_list_ids_for_profile get_segments_for_profile get_segment_ids_for_profile
get_bulk_import_profiles_jobs bulk_import_profiles get_bulk_import_profiles_job
get_errors_for_bulk_import_profiles_job
get_profiles_for_bulk_import_profiles_job get_profile_ids_for_bulk_import_profiles_job
get_list_for_bulk_import_profiles_job get_list_ids_for_bulk_import_profiles_job
bulk_subscribe_profiles bulk_unsubscribe_profiles
get_bulk_suppress_profiles_jobs bulk_suppress_profiles get_bulk_suppress_profiles_job
get_bulk_unsuppress_profiles_jobs bulk_unsuppress_profiles get_bulk_unsuppress_profiles_job
get_events create_event get_event bulk_create_events
get_metrics get_metric
request_profile_deletion
"""
SERVED = NAMES.split()
SOURCE = "https://github.com/klaviyo/openapi, openapi/stable.json, reduced by tests/support/klaviyo_contract.py"
#: Limits for calls with a special parameter stand in the descriptions only.
SLOWER = re.compile(r"when using the `([^`]+)` parameter[^<]*<br>Burst: `(\d+)/s`<br>Steady: `(\d+)/m`")


class Reduction:
    """One document on its way to a contract; schemas and fieldsets are collected as the operations name them."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._fieldsets: dict[str, list[str]] = {}
        self._schemas: dict[str, Any] = {}

    def contract(self) -> dict[str, Any]:
        """Return the contract of the served operations, in their order."""
        found = {
            operation["operationId"]: self._operation(f"{method.upper()} {path}", operation)
            for path, operations in self._document["paths"].items()
            for method, operation in operations.items()
        }
        return {
            "source": SOURCE,
            "revision": self._document["info"]["version"],
            "operations": {name: found[name] for name in SERVED},
            "fieldsets": self._fieldsets,
            "schemas": self._schemas,
        }

    def _operation(self, call: str, operation: dict[str, Any]) -> dict[str, Any]:
        if operation["operationId"] not in SERVED:
            return {}
        limits = operation["x-klaviyo-ratelimit"]
        slower = SLOWER.findall(operation["description"])
        body = operation.get("requestBody")
        reduced: dict[str, Any] = {
            "call": call,
            "kind": self._kind(operation) or call.split("/")[2].removesuffix("s"),
            "limits": [int(text.partition("/")[0]) for text in limits.values()],
            "slower": {parameter: [int(burst), int(steady)] for parameter, burst, steady in slower},
            "scopes": operation["x-klaviyo-scopes"],
            **self._parameters(operation),
            "filter": {
                name: self._filterable(filterable)
                for name, filterable in operation.get("x-klaviyo-filters", {}).items()
            },
            "body": self._node(_schema_of(body)) if body else "",
        }
        return {name: value for name, value in reduced.items() if value}

    def _parameters(self, operation: dict[str, Any]) -> dict[str, Any]:
        named = {each["name"]: each["schema"] for each in operation["parameters"] if each["in"] == "query"}
        values = {
            name: schema.get("enum") or schema.get("items", {}).get("enum") or [] for name, schema in named.items()
        }
        size = named.get("page[size]")
        return {
            "fields": {kind: self._fieldset(kind, names) for kind, names in _bracketed("fields", values)},
            "additional": dict(_bracketed("additional-fields", values)),
            "include": values.get("include"),
            "sort": [name for name in values.get("sort", []) if not name.startswith("-")],
            "page": [size["default"], size["maximum"]] if size else None,
            "cursor": "page[cursor]" in named,
        }

    def _fieldset(self, kind: str, names: list[str]) -> str:
        """Return the name of the fieldset; different ones of a kind are numbered."""
        name, number = kind, 1
        while self._fieldsets.setdefault(name, names) != names:
            number += 1
            name = f"{kind} {number}"
        return name

    def _filterable(self, filterable: dict[str, Any]) -> str:
        value = filterable.get("value", {})
        kind = "=" + "|".join(value["enum"]) if "enum" in value else value.get("format") or value.get("type", "none")
        operators = dict.fromkeys(name for names in filterable["operators"].values() for name in names)
        return " ".join((kind, *operators))

    def _kind(self, operation: dict[str, Any]) -> str:
        """Return the type of the resource that the operation reads or writes; empty for one without any body."""
        answers = [operation["responses"][status] for status in sorted(operation["responses"]) if status < "3"]
        bodies = [body for body in (*answers, operation.get("requestBody", {})) if "content" in body]
        if not bodies:
            return ""
        data = self._resolved(self._resolved(_schema_of(bodies[0]))["properties"]["data"])
        data = self._resolved(data.get("items", data))
        data = next((part for part in map(self._resolved, data.get("allOf", [])) if "required" in part), data)
        kind: str = self._resolved(data["properties"]["type"])["enum"][0]
        return kind

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema

    def _node(self, schema: dict[str, Any]) -> Any:
        name = schema.get("$ref", "").rpartition("/")[2]
        resolved = self._resolved(schema)
        if not name or "enum" in resolved:
            return self._inline(resolved)
        if name not in self._schemas:
            self._schemas[name] = None  # keeps its place before the schemas that it names
            self._schemas[name] = self._inline(resolved)
        return name

    def _inline(self, schema: dict[str, Any]) -> Any:
        if "enum" in schema:
            return schema["enum"]
        if "oneOf" in schema:
            return "|".join(
                f"{part['items']['type']}[]" if "items" in part else part["type"] for part in schema["oneOf"]
            )
        if "properties" in schema:
            required = schema.get("required", ())
            return {
                f"{name}*" if name in required else name: self._node(part)
                for name, part in schema["properties"].items()
            }
        if schema["type"] == "array":
            return {"[]": self._node(schema["items"])}
        return schema.get("format", schema["type"])


def _schema_of(body: dict[str, Any]) -> dict[str, Any]:
    (content,) = body["content"].values()
    schema: dict[str, Any] = content["schema"]
    return schema


def _bracketed(prefix: str, values: dict[str, list[str]]) -> Iterator[tuple[str, list[str]]]:
    for name, found in values.items():
        if name.startswith(f"{prefix}["):
            yield name[len(prefix) + 1 : -1], found


def lines(contract: dict[str, Any]) -> Iterator[str]:
    """Yield the contract as JSON with a line for each operation, fieldset and schema."""
    for start, (name, value) in zip("{" + "," * len(contract), contract.items(), strict=False):
        yield f"{start}{json.dumps(name)}:" + ("" if isinstance(value, dict) else json.dumps(value))
        if isinstance(value, dict):
            entries = (f"{json.dumps(key)}:{json.dumps(part, separators=(',', ':'))}" for key, part in value.items())
            yield "{" + ",\n".join(entries) + "}"
    yield "}"


if __name__ == "__main__":
    read = json.loads(Path(sys.argv[1]).read_bytes())
    sys.stdout.write("\n".join(lines(Reduction(read).contract())) + "\n")
