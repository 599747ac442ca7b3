"""Every address of the console for every role: the table names all of the app, so that none is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import count

import pytest
import requests
from falcon import inspect
from falcon.routing import CompiledRouter

from configuration.connections import Connections
from configuration.settings import Settings
from console import routes
from console.auth import roles
from console.auth.roles import ROUTES, Role
from console.context import AppContext
from tests.support.console import TOKENS, Console, console, filled
from tests.support.intake import TOKEN

_addresses = count(int(IPv4Address("10.0.0.1")))


@pytest.fixture(scope="module")
def served(redis_server: str) -> Iterator[Console]:
    with console(redis_server) as running:
        yield running


def ask(served: Console, path: str, method: str, headers: dict[str, str]) -> requests.Response:
    # An address of its own for each request: wrong tokens of one are not looked at for ever.
    address = str(IPv4Address(next(_addresses)))
    return requests.request(
        method,
        served.url + filled(path),
        headers={"X-Forwarded-For": address, **headers},
        timeout=30,
        allow_redirects=False,
    )


def refused_role(answer: requests.Response) -> bool:
    return answer.status_code == 403 and "This needs the role" in answer.text


def refused_nobody(answer: requests.Response) -> bool:
    return answer.status_code == 401 and "ferry console" in answer.headers.get("WWW-Authenticate", "")


def test_the_table_names_every_address_of_the_app_and_no_other() -> None:
    settings = Settings(redis_url="redis://nowhere", connections=Connections({}))
    found = inspect.inspect_routes(routes.create(AppContext(settings), CompiledRouter()))
    methods = [(route.path, method) for route in found for method in route.methods or ()]
    assert sorted((path, method.method) for path, method in methods if not method.internal) == sorted(ROUTES)


def test_the_table_holds_no_post_that_a_viewer_may_do_but_leaving() -> None:
    """What needs no role at all is the sign-in page and what it looks like."""
    open_to_all = {path for (path, _), role in ROUTES.items() if role is Role.NOBODY}
    assert open_to_all <= {"/sign-in", "/static/{name}", "/openapi.json", "/docs"}
    acts = {path for (path, method), role in ROUTES.items() if method != "GET" and role is Role.VIEWER}
    assert acts <= {"/sign-out"}


@pytest.mark.parametrize("role", sorted(Role), ids=str)
@pytest.mark.parametrize(("path", "method"), sorted(ROUTES))
def test_an_address_is_open_to_its_role_and_to_those_above(served: Console, path: str, method: str, role: Role) -> None:
    needed = ROUTES[path, method]
    answer = ask(served, path, method, served.bearer(role))
    assert answer.status_code not in (405, 429, 500, 503)
    assert refused_nobody(answer) == (role is Role.NOBODY and needed > role)
    assert refused_role(answer) == (role is not Role.NOBODY and needed > role)


@pytest.mark.parametrize("scheme", ["Bearer", "Token"])
@pytest.mark.parametrize(("path", "method"), sorted(ROUTES))
def test_a_senders_token_opens_nothing_of_the_console(served: Console, path: str, method: str, scheme: str) -> None:
    answer = ask(served, path, method, {"Authorization": f"{scheme} {TOKEN}"})
    assert refused_nobody(answer) == (ROUTES[path, method] is not Role.NOBODY)


@pytest.mark.parametrize("token", TOKENS.values(), ids=map(str, TOKENS))
@pytest.mark.parametrize("path", ["/v1/changes", "/v1/mparticle", "/v1/segment", "/v1/campaigns"])
def test_a_users_token_sends_nothing_to_the_intake(served: Console, path: str, token: str) -> None:
    for scheme in ("Bearer", "Token"):
        headers = {"Authorization": f"{scheme} {token}", "Content-Type": "application/json"}
        assert requests.post(served.url + path, "{}", headers=headers, timeout=30).status_code == 401


@pytest.mark.parametrize("path", sorted({path for path, _ in ROUTES}))
def test_a_method_that_is_not_in_the_table_is_refused_whoever_asks(served: Console, path: str) -> None:
    for method in {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"} - set(roles.methods(path)):
        answer = ask(served, path, method, served.bearer(Role.ADMIN))
        assert answer.status_code == 405, method
        assert answer.headers["Allow"] == ", ".join(roles.methods(path))


@pytest.mark.parametrize("path", ["/nowhere", "/%61udit", "/sign-in/x", "/static/a/b", "/docs/../audit"])
def test_what_neither_the_console_nor_the_intake_has_does_not_exist(served: Console, path: str) -> None:
    prepared = requests.Request("GET", served.url).prepare()
    prepared.url = served.url + path
    assert requests.Session().send(prepared, timeout=30).status_code == 404


def test_the_intake_answers_beside_the_console_as_it_does_alone(served: Console) -> None:
    assert requests.get(f"{served.url}/healthz", timeout=30).json() == {"status": "up"}
    message = {"audience": {"id": "42"}, "changes": [{"action": "add", "email": "ann@example.com"}]}
    headers = {"Authorization": f"Token {TOKEN}"}
    assert requests.post(f"{served.url}/v1/changes", json=message, headers=headers, timeout=30).status_code == 202
