"""What it costs at Klaviyo to carry out the changes of a snapshot, at the published limits. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from klaviyo.filters import MAX_VALUES
from klaviyo.limiter import SHARE
from klaviyo.members import MAX_REMOVALS
from klaviyo.quotas import PUBLISHED
from ops.estimating import Estimate
from queues.snapshots import Counts

_LOOK_UPS: Final = PUBLISHED["get_profiles_for_list"].less(SHARE).steady
_REMOVALS: Final = PUBLISHED["remove_profiles_from_list"].less(SHARE).steady


@dataclass(frozen=True, slots=True)
class Effort:
    """Requests. `minutes`: by the limit that is reached first; each of them has its own, and they go side by side."""

    imports: int
    look_ups: int
    removals: int
    minutes: float


def effort(counts: Counts, upload_max: int) -> Effort:
    """`upload_max`: people in a batch. Whoever leaves is looked up on the list first (worker/removing.py)."""
    imports = Estimate(counts.adds + counts.updates, upload_max)
    look_ups = math.ceil(counts.removals / min(MAX_VALUES, upload_max))
    removals = math.ceil(counts.removals / min(MAX_REMOVALS, upload_max))
    minutes = max(imports.minutes, look_ups / _LOOK_UPS, removals / _REMOVALS)
    return Effort(imports.uploads, look_ups, removals, minutes)
