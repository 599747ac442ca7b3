"""What the operations of the OpenAPI document are made of."""

from __future__ import annotations

from typing import Any, Final


def answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """An answer in JSON."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def errors(*statuses: str) -> dict[str, Any]:
    """References to the answers that are errors, by their status."""
    return {status: {"$ref": f"#/components/responses/E{status}"} for status in statuses}


def query(name: str, description: str, **schema: int) -> dict[str, Any]:
    """A parameter of the address. `schema`: what a schema of text may say besides."""
    return {"name": name, "in": "query", "description": description, "schema": {"type": "string", **schema}}


#: Of `/v1/segment` and `/v1/changes`.
CONNECTION: Final = query("connection", "The connection that it is for; default when left out.")
