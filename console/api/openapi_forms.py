"""What the schemas of the operator's API are made of, for the OpenAPI document."""

from __future__ import annotations

from typing import Final

from intake.openapi.schemas import Schema, obj, ref

TEXT: Final[Schema] = {"type": "string"}
MAYBE: Final[Schema] = {"type": ["string", "null"]}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
FLAG: Final[Schema] = {"type": "boolean"}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
MAYBE_TIME: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
QUEUE: Final[Schema] = TEXT | {"description": "connection/kind/target.", "example": "default/audience/42"}
NEXT: Final[Schema] = MAYBE | {"description": "To be given with the next request; null where this is the end."}
COUNTS: Final[Schema] = {"type": "object", "additionalProperties": COUNT}
HELD: Final[Schema] = {"oneOf": [ref("Hold"), {"type": "null"}]}


def every(properties: Schema, description: str = "") -> Schema:
    """An object that has all of these."""
    return obj(properties, *properties, description=description)


def array(of: Schema) -> Schema:
    """An array of these."""
    return {"type": "array", "items": of}
