"""Bodies as the models of the official SDK send them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, get_args

import openapi_client
import orjson


def through(model: str, body: dict[str, Any]) -> Any:
    """The body as the model sends it: without the fields it does not know, with null for those not given."""
    sent = getattr(openapi_client, model).from_dict(body).to_dict()
    # Not written by orjson, which takes no number of more than 64 bits; the models take any.
    return orjson.loads(json.dumps(sent, default=lambda moment: moment.isoformat()))


def without_nulls(value: Any) -> Any:
    """The same without the nulls, and with its times in UTC."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, str) and value.endswith("+00:00"):
        return datetime.fromisoformat(value).astimezone(UTC).isoformat()
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def form(model: Any) -> Any:
    """The members of a model by their names in a body, each with whether it is required and its own form."""
    return {field.alias or name: (field.is_required(), _form(field.annotation)) for name, field in _fields(model)}


def _fields(model: Any) -> Any:
    return model.model_fields.items()


def _form(annotation: Any) -> Any:
    """The form of a member that is a model or an array of them; None for any other."""
    for argument in get_args(annotation):
        if (found := _form(argument)) is not None:
            return found
    return (
        form(annotation) if hasattr(annotation, "model_fields") and not hasattr(annotation, "one_of_schemas") else None
    )
