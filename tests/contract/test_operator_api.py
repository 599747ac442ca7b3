"""The operator's API keeps to its OpenAPI document, whoever asks: schemathesis makes sound and unsound requests.

The seed is fixed, and printed with a failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import count
from typing import Any

import pytest
import requests
import schemathesis
from redis import Redis
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import ignored_auth

from console.api.openapi import document
from console.api.openapi_operations import OPERATIONS
from console.auth.roles import ROUTES, Role
from queues import audit, holds
from queues.clock import now_ms
from queues.holds import Hold
from tests.support import conforming
from tests.support.console import Console, console
from tests.support.ops import LAPSED, VIPS, put, settle, take
from tests.support.people import names

SEED = 20_260_101
CONFIG = SchemathesisConfig.from_dict(
    {
        "seed": SEED,
        "generation": {"max-examples": 10, "deterministic": True},
        "checks": {
            "negative_data_rejection": {"expected-statuses": ["400", "401", "403", "404", "413", "415"]},
            # 409: a cause that is still there.
            "positive_data_acceptance": {"expected-statuses": ["200", "401", "403", "404", "409"]},
        },
    }
)
ROLES = sorted(Role)
_addresses = count(int(IPv4Address("10.0.0.1")))
ours = {**document(), "paths": {path: document()["paths"][path] for path, _ in OPERATIONS}}
operations = schemathesis.openapi.from_dict(ours, config=CONFIG)


@operations.hook
def filter_query(_context: schemathesis.HookContext, query: Any) -> bool:
    """A parameter with a list of nothing is not sent at all."""
    return not isinstance(query, dict) or [] not in query.values()


@pytest.fixture(scope="module")
def served(redis_server: str) -> Iterator[Console]:
    """A console with something of everything in its ledger."""
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
        put(redis, *names(100))
        batch = take(redis)
        assert batch is not None
        settle(redis, batch, dead=3)
        put(redis, *names(100), dead="ann@example.com")
        assert take(redis) is not None
        put(redis, "bob@example.com", queue=LAPSED, name="Lapsed")
        holds.place(redis, "brand-b", Hold("by hand", now_ms()))
        holds.place(redis, VIPS, Hold("list_gone", now_ms(), "Restore it."))
        audit.note(redis, "cli:root", "flush", VIPS, changes=1)
        with console(redis_server, klaviyo_base_url="http://127.0.0.1:1") as running:
            yield running


@pytest.mark.parametrize("label", conforming.labels(ours))
def test_every_operation_keeps_to_the_document_for_every_role(served: Console, label: str) -> None:
    print(f"schemathesis' seed is {SEED}")  # noqa: T201  # pytest shows it with a failure

    with requests.Session() as session:
        session.trust_env = False  # looking for proxies takes longer than some requests

        def keeps(case: conforming.Case) -> None:
            for role in ROLES:
                _keeps(case, served, role, session)

        conforming.check(operations, label, keeps)


def _keeps(case: conforming.Case, served: Console, role: Role, session: requests.Session) -> None:
    # An address of its own for each request: wrong tokens of one are not looked at for ever.
    address = str(IPv4Address(next(_addresses)))
    headers = {"X-Forwarded-For": address, **served.bearer(role)}
    response = case.call(base_url=served.url, session=session, headers=headers)
    assert not session.cookies, "each request is one of its own"
    case.validate_response(response, excluded_checks=[ignored_auth])
    # Some requests it makes without a token, whoever was to ask.
    is_known = role is not Role.NOBODY and "Authorization" in response.request.headers
    needed = ROUTES.get((case.operation.path, response.request.method or ""), Role.NOBODY)
    assert response.status_code != 401 or not is_known, role
    assert response.status_code != 403 or role < needed or {"personal_data", "check"} & set(case.query), role
