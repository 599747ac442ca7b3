"""The falcon app: its routes, and the conversion of every error into a response in Klaviyo's wording."""

from __future__ import annotations

import logging
from typing import Any

from falcon import HTTPError, HTTPMethodNotAllowed, HTTPRouteNotFound
from falcon.asgi import App, Request, Response

from emulator import errors
from emulator.control import PREFIX, Control, ControlError, send_control_error
from emulator.control_account import AccountControl
from emulator.errors import ApiError, Problem
from emulator.gate import Gate
from emulator.jsonapi import send_error
from emulator.operations import Calls
from emulator.recorder import Recorder
from emulator.resource_accounts import Accounts
from emulator.resource_deletions import Deletions
from emulator.resource_events import BulkEvents, Events
from emulator.resource_imports import ImportErrors, ImportJobs, OneImportJob
from emulator.resource_lists import Lists, OneList
from emulator.resource_members import ListProfiles, ListRelationship
from emulator.resource_profiles import OneProfile, ProfileImport, Profiles
from emulator.resource_related import (
    ImportedProfileIds,
    ImportedProfiles,
    ImportListIds,
    ImportLists,
    ProfileListIds,
    ProfileLists,
)
from emulator.resource_subscriptions import Subscriptions, Unsubscriptions
from emulator.resource_suppressions import OneSuppression, OneUnsuppression, Suppressions, Unsuppressions
from emulator.world import World

log = logging.getLogger(__name__)

ROUTES: dict[str, type[Calls]] = {
    "/api/accounts": Accounts,
    "/api/lists": Lists,
    "/api/lists/{list_id}": OneList,
    "/api/lists/{list_id}/profiles": ListProfiles,
    "/api/lists/{list_id}/relationships/profiles": ListRelationship,
    "/api/profiles": Profiles,
    "/api/profiles/{profile_id}": OneProfile,
    "/api/profiles/{profile_id}/lists": ProfileLists,
    "/api/profiles/{profile_id}/relationships/lists": ProfileListIds,
    "/api/profile-import": ProfileImport,
    "/api/profile-bulk-import-jobs": ImportJobs,
    "/api/profile-bulk-import-jobs/{job_id}": OneImportJob,
    "/api/profile-bulk-import-jobs/{job_id}/import-errors": ImportErrors,
    "/api/profile-bulk-import-jobs/{job_id}/profiles": ImportedProfiles,
    "/api/profile-bulk-import-jobs/{job_id}/relationships/profiles": ImportedProfileIds,
    "/api/profile-bulk-import-jobs/{job_id}/lists": ImportLists,
    "/api/profile-bulk-import-jobs/{job_id}/relationships/lists": ImportListIds,
    "/api/profile-subscription-bulk-create-jobs": Subscriptions,
    "/api/profile-subscription-bulk-delete-jobs": Unsubscriptions,
    "/api/profile-suppression-bulk-create-jobs": Suppressions,
    "/api/profile-suppression-bulk-create-jobs/{job_id}": OneSuppression,
    "/api/profile-suppression-bulk-delete-jobs": Unsuppressions,
    "/api/profile-suppression-bulk-delete-jobs/{job_id}": OneUnsuppression,
    "/api/events": Events,
    "/api/event-bulk-create-jobs": BulkEvents,
    "/api/data-privacy-deletion-jobs": Deletions,
}


def create_app(world: World) -> App[Request, Response]:
    """Return the ASGI app for this account; connection faults need `line.LineProtocol` as its server protocol."""
    app = App()
    app.add_middleware(Recorder(world))
    app.add_middleware(Gate(world))
    app.req_options.strip_url_path_trailing_slash = True
    # falcon would add a content type to an empty 202; Klaviyo sends none.
    app.resp_options.default_media_type = None  # type: ignore[assignment]
    for path, calls in ROUTES.items():
        app.add_route(path, calls(world))
    _add_control(app, Control(world), AccountControl(world))
    app.add_error_handler(Exception, _crashed)
    app.add_error_handler(HTTPError, _refused_by_falcon)
    app.add_error_handler(ApiError, _refused)
    app.add_error_handler(ControlError, send_control_error)
    return app


def _add_control(app: App[Request, Response], switches: Control, account: AccountControl) -> None:
    for name in ("faults", "limits", "jobs", "keys", "reset", "requests", "traps"):
        app.add_route(f"{PREFIX}/{name}", switches, suffix=name)
    for name in ("account", "identity", "events"):
        app.add_route(f"{PREFIX}/{name}", account, suffix=name)
    for name in ("confirm", "suppress"):
        app.add_route(f"{PREFIX}/{name}/{{identifier:path}}", account, suffix=name)
    # `path` converters, because the name of a list may contain a slash.
    app.add_route(f"{PREFIX}/lists/{{rest:path}}", account, suffix="members")
    app.add_route(f"{PREFIX}/profiles/{{identifier:path}}", account, suffix="profile")


async def _refused(req: Request, resp: Response, error: ApiError, params: dict[str, Any]) -> None:
    send_error(resp, error)


async def _refused_by_falcon(req: Request, resp: Response, error: HTTPError, params: dict[str, Any]) -> None:
    if isinstance(error, HTTPRouteNotFound):
        send_error(resp, errors.not_found("No valid revisions found for method"))
    elif isinstance(error, HTTPMethodNotAllowed):
        detail = f'Method "{req.method}" not allowed.'
        send_error(resp, ApiError(405, Problem("method_not_allowed", "Method not allowed.", detail, "/data/")))
    else:
        send_error(resp, ApiError(error.status_code, Problem("error", error.title, error.title, "/data/")))


async def _crashed(req: Request, resp: Response, error: Exception, params: dict[str, Any]) -> None:
    log.error("the emulator failed on %s %s; answering 500", req.method, req.uri_template, exc_info=error)
    send_error(resp, errors.server_error())
