"""What the documents for programs are made of; each type brings its part of the OpenAPI document."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Count = Annotated[int, Meta(ge=0)]
#: ISO 8601, in UTC.
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
MaybeTime = Annotated[str | None, Meta(extra_json_schema={"format": "date-time"})]
QueueName = Annotated[str, Meta(description="connection/kind/target.", examples=["default/audience/42"])]
Next = Annotated[str | None, Meta(description="To be given with the next request; null where this is the end.")]
