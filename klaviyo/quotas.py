"""Klaviyo's published rate limits, and the part of them that Ferry allows itself."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """Requests an account may make of an endpoint: `burst` a second, `steady` a minute, `daily` a day."""

    burst: int
    steady: int
    daily: int | None = None

    def less(self, share: float) -> Quota:
        """This quota without the `share` (0 to below 1) left to the customer's other tools; never below 1."""
        return Quota(
            _part(self.burst, share),
            _part(self.steady, share),
            None if self.daily is None else _part(self.daily, share),
        )


def _part(amount: int, share: float) -> int:
    # The small addend keeps 150 * (1 - 0.1) from becoming 134 by binary rounding.
    return max(1, math.floor(amount * (1 - share) + 1e-9))


_SMALL = Quota(burst=3, steady=60)
_MEDIUM = Quota(burst=10, steady=150)
_LARGE = Quota(burst=75, steady=750)

#: By Klaviyo's operation id, also the endpoint's name in our logs (Klaviyo: OpenAPI document, 2026-07-15).
#: GET and POST of one path are separate operations with separate limits there, and so they are here.
PUBLISHED: dict[str, Quota] = {
    "bulk_import_profiles": _MEDIUM,
    "get_bulk_import_profiles_job": _MEDIUM,
    "get_errors_for_bulk_import_profiles_job": _MEDIUM,
    "get_profiles_for_bulk_import_profiles_job": _MEDIUM,
    "get_lists": _LARGE,
    "get_list": _LARGE,
    "create_list": Quota(burst=10, steady=150, daily=150),
    "delete_list": _MEDIUM,
    "get_profiles_for_list": _LARGE,
    "remove_profiles_from_list": _MEDIUM,
    "get_profiles": _LARGE,
    "get_list_ids_for_profile": _SMALL,
    "update_profile": _LARGE,
    "create_or_update_profile": _LARGE,
    "bulk_subscribe_profiles": _LARGE,
    "bulk_unsubscribe_profiles": _LARGE,
    "bulk_create_events": _MEDIUM,
    "request_profile_deletion": _SMALL,
    "get_accounts": Quota(burst=1, steady=15),
}
