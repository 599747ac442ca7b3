"""How long Klaviyo took for something, by its own clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import msgspec

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


def took_ms(created: object, completed: object) -> int | None:
    """From `created_at` to `completed_at`, as an answer has them; None where either is missing or cannot be read.

    Nothing is raised for it: that is told to people, and must not stop a delivery.
    """
    try:
        took = msgspec.convert(completed, _Moment) - msgspec.convert(created, _Moment)
    except msgspec.ValidationError:
        return None
    return max(0, took // timedelta(milliseconds=1))
