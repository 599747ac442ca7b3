"""When somebody counts as on the list, and what follows when they are not there (rule 7 of `identity`). Pure."""

from __future__ import annotations

from typing import Final

#: Seconds after a look that missed somebody until the next one: Klaviyo gives no promise how soon a member is shown.
DELAYS_S: Final = (30.0, 300.0)
#: People looked for where a sample is enough: one request.
SAMPLE: Final = 100


def next_look_s(tries: int) -> float | None:
    """Seconds until it is looked again after `tries` looks; None when there were enough."""
    return DELAYS_S[tries - 1] if tries <= len(DELAYS_S) else None
