"""Field types of the documents for programs; each type contains its part of the OpenAPI document."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from text.wording import ms_of

Count = Annotated[int, Meta(ge=0)]
#: ISO 8601, in UTC.
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
MaybeTime = Annotated[str | None, Meta(extra_json_schema={"format": "date-time"})]
QueueName = Annotated[str, Meta(description="connection/kind/target.", examples=["default/audience/42"])]
Next = Annotated[str | None, Meta(description="Pass it with the next request; null at the end.")]


def ms_or_none(time: str | None) -> int | None:
    """Return the ms of a time, None for none. Raises ValueError."""
    return None if time is None else ms_of(time)
