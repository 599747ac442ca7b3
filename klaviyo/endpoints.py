"""The calls that Ferry makes, what classification needs to know about each, and Klaviyo's published rate limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Quota:
    """The requests that an account may make to an endpoint: `burst` a second, `steady` a minute, `daily` a day."""

    burst: int
    steady: int
    daily: int | None = None

    def less(self, share: float) -> Quota:
        """Return the quota without the `share` (0 to below 1) left to the customer's other tools; never below 1."""
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

#: By Klaviyo's operation id, which is also the endpoint's name in the logs (Klaviyo: OpenAPI document, 2026-07-15).
#: As at Klaviyo, GET and POST of one path are separate operations with separate limits.
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


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of Klaviyo's API.

    `name`: Klaviyo's operation id, the limiter's key. `path`: a template with at most one `{id}`.
    `success`: the statuses of an accepted request. `document`: whether its answer carries a JSON:API document.
    `about`: what a refusal refers to; a `person` is written, a `profile` must exist already. `many`: the request
    carries several people, so a 400 can be narrowed down to one. `scope`: the scope that only this operation needs;
    empty when it needs scopes without which Ferry can do nothing.
    """

    name: str
    method: str
    path: str
    success: frozenset[int]
    document: bool = True
    about: Literal["account", "list", "job", "person", "profile"] = "account"
    many: bool = False
    scope: str = ""

    @property
    def names_one(self) -> bool:
        """Whether the request names one list, job or profile, so that a 404 can mean that it is missing."""
        return "{id}" in self.path or self.about == "profile"

    def url_path(self, identifier: str = "") -> str:
        """Return the path for `identifier`, which may contain any character."""
        return self.path.format(id=quote(identifier, safe=""))


BULK_IMPORT = Endpoint("bulk_import_profiles", "POST", "/api/profile-bulk-import-jobs", frozenset({202}), many=True)
IMPORT_JOB = Endpoint(
    "get_bulk_import_profiles_job", "GET", "/api/profile-bulk-import-jobs/{id}", frozenset({200}), about="job"
)
IMPORT_ERRORS = Endpoint(
    "get_errors_for_bulk_import_profiles_job",
    "GET",
    "/api/profile-bulk-import-jobs/{id}/import-errors",
    frozenset({200}),
    about="job",
)
IMPORTED_PROFILES = Endpoint(
    "get_profiles_for_bulk_import_profiles_job",
    "GET",
    "/api/profile-bulk-import-jobs/{id}/profiles",
    frozenset({200}),
    about="job",
)
LISTS = Endpoint("get_lists", "GET", "/api/lists", frozenset({200}), about="list")
LIST = Endpoint("get_list", "GET", "/api/lists/{id}", frozenset({200}), about="list")
CREATE_LIST = Endpoint("create_list", "POST", "/api/lists", frozenset({201}), about="list")
DELETE_LIST = Endpoint("delete_list", "DELETE", "/api/lists/{id}", frozenset({204}), document=False, about="list")
LIST_PROFILES = Endpoint(
    "get_profiles_for_list", "GET", "/api/lists/{id}/profiles", frozenset({200}), about="list", many=True
)
REMOVE_MEMBERS = Endpoint(
    "remove_profiles_from_list",
    "DELETE",
    "/api/lists/{id}/relationships/profiles",
    frozenset({204}),
    document=False,
    about="list",
    many=True,
)
PROFILES = Endpoint("get_profiles", "GET", "/api/profiles", frozenset({200}), many=True)
PROFILE_LISTS = Endpoint(
    "get_list_ids_for_profile", "GET", "/api/profiles/{id}/relationships/lists", frozenset({200}), about="profile"
)
UPDATE_PROFILE = Endpoint("update_profile", "PATCH", "/api/profiles/{id}", frozenset({200}), about="profile")
PROFILE_IMPORT = Endpoint(
    "create_or_update_profile", "POST", "/api/profile-import", frozenset({200, 201}), about="person"
)
SUBSCRIBE = Endpoint(
    "bulk_subscribe_profiles",
    "POST",
    "/api/profile-subscription-bulk-create-jobs",
    frozenset({202}),
    document=False,
    many=True,
    scope="subscriptions:write",
)
UNSUBSCRIBE = Endpoint(
    "bulk_unsubscribe_profiles",
    "POST",
    "/api/profile-subscription-bulk-delete-jobs",
    frozenset({202}),
    document=False,
    many=True,
    scope="subscriptions:write",
)
BULK_EVENTS = Endpoint(
    "bulk_create_events",
    "POST",
    "/api/event-bulk-create-jobs",
    frozenset({202}),
    document=False,
    many=True,
    scope="events:write",
)
DELETION = Endpoint(
    "request_profile_deletion",
    "POST",
    "/api/data-privacy-deletion-jobs",
    frozenset({202}),
    document=False,
    about="profile",
    scope="data-privacy:write",
)
ACCOUNTS = Endpoint("get_accounts", "GET", "/api/accounts", frozenset({200}))

ENDPOINTS = (
    BULK_IMPORT,
    IMPORT_JOB,
    IMPORT_ERRORS,
    IMPORTED_PROFILES,
    LISTS,
    LIST,
    CREATE_LIST,
    DELETE_LIST,
    LIST_PROFILES,
    REMOVE_MEMBERS,
    PROFILES,
    PROFILE_LISTS,
    UPDATE_PROFILE,
    PROFILE_IMPORT,
    SUBSCRIBE,
    UNSUBSCRIBE,
    BULK_EVENTS,
    DELETION,
    ACCOUNTS,
)
