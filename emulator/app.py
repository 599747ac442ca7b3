"""The falcon app: its routes, and the conversion of every error into a response in Klaviyo's wording."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from falcon import HTTPError, HTTPMethodNotAllowed, HTTPRouteNotFound
from falcon.asgi import App, Request, Response

from emulator import (
    contract,
    errors,
    resource_account,
    resource_consents,
    resource_events,
    resource_imports,
    resource_members,
    resource_profiles,
)
from emulator.control import PREFIX, Control, ControlError, send_control_error
from emulator.control_account import AccountControl
from emulator.errors import ApiError, Problem
from emulator.gate import admit
from emulator.jsonapi import Call, send_error
from emulator.recorder import Recorder
from emulator.world import World

log = logging.getLogger(__name__)

Handler = Callable[[Call], None]
_MODULES = (
    resource_account,
    resource_consents,
    resource_events,
    resource_imports,
    resource_members,
    resource_profiles,
)
_PARAMETER = re.compile(r"\{[a-z_]+\}")


class Endpoint:
    """The calls of one path of Klaviyo's: a falcon resource with a responder for each method that has a handler."""

    def __init__(self, world: World, path: str, handlers: Mapping[str, Handler]) -> None:
        self._world = world
        for method, handler in handlers.items():
            setattr(self, f"on_{method.lower()}", partial(self._answer, f"{method} {path}", handler))

    async def _answer(self, name: str, handler: Handler, req: Request, resp: Response, subject: str = "") -> None:
        handler(admit(self._world, req, resp, name, subject))


def routes() -> dict[str, dict[str, Handler]]:
    """Return the handlers by path and method. A handler is named like its operation of the contract."""
    found: dict[str, dict[str, Handler]] = {}
    for call, operation in contract.contract(contract.REVISED).operations.items():
        method, _, path = call.partition(" ")
        (handler,) = (vars(module)[operation.name] for module in _MODULES if operation.name in vars(module))
        found.setdefault(path, {})[method] = handler
    return found


def create_app(world: World) -> App[Request, Response]:
    """Return the ASGI app for this account; connection faults need `line.LineProtocol` as its server protocol."""
    app = App()
    app.add_middleware(Recorder(world))
    app.req_options.strip_url_path_trailing_slash = True
    # falcon would add a content type to an empty 202; Klaviyo sends none.
    app.resp_options.default_media_type = None  # type: ignore[assignment]
    for path, handlers in routes().items():
        app.add_route(_PARAMETER.sub("{subject}", path), Endpoint(world, path, handlers))
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
        here = f"the emulator has no {req.method} {req.path}, whatever the revision"
        send_error(resp, errors.not_found(f"No valid revisions found for method ({here})"))
    elif isinstance(error, HTTPMethodNotAllowed):
        detail = f'Method "{req.method}" not allowed.'
        send_error(resp, ApiError(405, Problem("method_not_allowed", "Method not allowed.", detail, "/data/")))
    else:
        send_error(resp, ApiError(error.status_code, Problem("error", error.title, error.title, "/data/")))


async def _crashed(req: Request, resp: Response, error: Exception, params: dict[str, Any]) -> None:
    log.error("the emulator failed on %s %s; answering 500", req.method, req.uri_template, exc_info=error)
    send_error(resp, errors.server_error())
