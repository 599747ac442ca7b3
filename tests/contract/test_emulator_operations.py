"""Every operation of the emulator is one of Klaviyo's: the official SDK says its limits and scopes beside its call."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_client.api.accounts_api import AccountsApi
from openapi_client.api.data_privacy_api import DataPrivacyApi
from openapi_client.api.events_api import EventsApi
from openapi_client.api.lists_api import ListsApi
from openapi_client.api.profiles_api import ProfilesApi

from emulator.app import ROUTES
from emulator.limits import Quota
from emulator.operations import Operation
from klaviyo.endpoints import ENDPOINTS, PUBLISHED, Endpoint

APIS = (AccountsApi, DataPrivacyApi, EventsApi, ListsApi, ProfilesApi)
OPERATIONS = {
    operation.name: (path, method, operation)
    for path, calls in ROUTES.items()
    for method, operation in calls.operations.items()
}
#: The SDK has more than one form of these paths and calls the parameters of all of them `id` or `job_id`.
PARAMETER = re.compile(r"\{[a-z_]+\}")


def call_of(name: str) -> Any:
    return next(getattr(api, name) for api in APIS if hasattr(api, name))


def published(text: str) -> tuple[dict[str, str], set[str]]:
    """The first limits of a text, without any for special parameters, and its scopes."""
    limits = dict(re.findall(r"(Burst|Steady|Daily): `(\d+)/[smd]`", text.partition("Rate limits when")[0]))
    return limits, set(re.findall(r"`([a-z-]+:[a-z]+)`", text.partition("**Scopes:**")[2]))


def own(operation: Operation) -> tuple[dict[str, str], set[str]]:
    quota = operation.quota
    limits = {"Burst": quota.burst, "Steady": quota.steady, "Daily": quota.daily}
    return {name: str(calls) for name, calls in limits.items() if calls is not None}, set(operation.scopes)


@pytest.mark.parametrize("name", OPERATIONS)
def test_limits_and_scopes_are_the_published_ones(name: str) -> None:
    assert own(OPERATIONS[name][2]) == published(call_of(name).__doc__)


@pytest.mark.parametrize("name", OPERATIONS)
def test_method_and_path_are_the_published_ones(name: str) -> None:
    path, method, _ = OPERATIONS[name]
    api = next(api for api in APIS if hasattr(api, name))
    code = getattr(api, f"_{name}_serialize").__code__
    paths = {PARAMETER.sub("{}", constant) for constant in code.co_consts if str(constant).startswith("/api/")}
    assert paths == {PARAMETER.sub("{}", path)}
    assert method in code.co_consts


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: str(endpoint.name))
def test_what_ferry_calls_is_one_of_them_with_the_published_limits(endpoint: Endpoint) -> None:
    path, method, operation = OPERATIONS[endpoint.name]
    quota = PUBLISHED[endpoint.name]
    assert (method, PARAMETER.sub("{}", path)) == (endpoint.method, PARAMETER.sub("{}", endpoint.path))
    assert operation.quota == Quota(quota.burst, quota.steady, quota.daily)
    assert endpoint.scope in ("", *operation.scopes)
