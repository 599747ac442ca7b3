"""The Retry-After header (RFC 9110, 10.2.3) in the forms met in practice."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

#: Klaviyo's longest window is a day; a longer wait is a mistake or an attack.
LONGEST_S = 86_400.0

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait, 0 to a day, from an integer, a fraction or an HTTP date; None for anything else.

    `now`: seconds since the epoch, against which a date is taken.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_S)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        return None
    return min(max(moment.timestamp() - now, 0.0), LONGEST_S)
