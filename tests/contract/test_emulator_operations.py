"""Every operation of the emulator is one of Klaviyo's: the official SDK names its limits, scopes and parameters."""

from __future__ import annotations

import re
from inspect import signature
from typing import Any

import pytest
from klaviyo_api import KlaviyoAPI
from openapi_client.api.accounts_api import AccountsApi
from openapi_client.api.data_privacy_api import DataPrivacyApi
from openapi_client.api.events_api import EventsApi
from openapi_client.api.lists_api import ListsApi
from openapi_client.api.metrics_api import MetricsApi
from openapi_client.api.profiles_api import ProfilesApi

from emulator.app import routes
from emulator.contract import REVISED, Operation, contract
from emulator.filters import Filterable
from emulator.limits import Quota
from klaviyo.endpoints import ENDPOINTS, PUBLISHED, Endpoint
from klaviyo.revision import TESTED

APIS = (AccountsApi, DataPrivacyApi, EventsApi, ListsApi, MetricsApi, ProfilesApi)
OPERATIONS = {operation.name: (call, operation) for call, operation in contract(REVISED).operations.items()}
#: The SDK has more than one form of these paths and calls the parameters of all of them `id` or `job_id`.
PARAMETER = re.compile(r"\{[a-z_]+\}")
LIMITS = re.compile(r"(Burst|Steady|Daily): `(\d+)/[smd]`")
QUERY = re.compile(r"filter|include|sort|(?:fields|additional-fields|page)\[[a-z-]+\]")
FILTER = re.compile(r"`([a-z_.]+)`: ((?:`[a-z-]+`(?:, )?)+)(?: \(([^)]*)\))?")
OPERATOR = re.compile(r"`([a-z-]+)`")
SLOWER = re.compile(r"when using the `([^`]+)` parameter[^<]*<br>Burst: `(\d+)/s`<br>Steady: `(\d+)/m`")

operations = pytest.mark.parametrize("name", OPERATIONS)


def call_of(name: str) -> Any:
    return next(getattr(api, name) for api in APIS if hasattr(api, name))


def parameters(operation: Operation) -> set[str]:
    """The names of the query parameters."""
    names = {f"fields[{kind}]" for kind in operation.fields}
    names |= {f"additional-fields[{kind}]" for kind in operation.additional}
    names |= {name for name in ("filter", "include", "sort") if getattr(operation, name)}
    return names | ({"page[cursor]"} if operation.cursor else set()) | ({"page[size]"} if operation.page else set())


def constants(name: str) -> set[str]:
    """The texts in the SDK's code that builds the request."""
    api = next(api for api in APIS if hasattr(api, name))
    return {each for each in getattr(api, f"_{name}_serialize").__code__.co_consts if isinstance(each, str)}


def test_ferry_and_the_official_sdk_use_the_same_revision() -> None:
    pinned = KlaviyoAPI._REVISION
    assert TESTED[0] == pinned, (
        f"Ferry uses revision {TESTED[0]} of Klaviyo's API, the installed klaviyo-api {pinned}: see "
        "CONTRIBUTING.md, Klaviyo's revisions."
    )
    assert str(REVISED) == TESTED[0]


@operations
def test_every_operation_of_the_contract_has_a_handler(name: str) -> None:
    method, _, path = OPERATIONS[name][0].partition(" ")
    assert routes()[path][method].__doc__


@operations
def test_limits_and_scopes_are_the_published_ones(name: str) -> None:
    operation, text = OPERATIONS[name][1], call_of(name).__doc__
    published = dict(LIMITS.findall(text.partition("Rate limits when")[0]))
    quota = {"Burst": operation.quota.burst, "Steady": operation.quota.steady, "Daily": operation.quota.daily}
    assert {each: str(calls) for each, calls in quota.items() if calls is not None} == published
    slower = {f"{parameter}={value}": quota for parameter, value, quota in operation.slower}
    assert slower == {parameter: Quota(int(burst), int(steady)) for parameter, burst, steady in SLOWER.findall(text)}
    assert set(operation.scopes) == set(re.findall(r"`([a-z-]+:[a-z]+)`", text.partition("**Scopes:**")[2]))


@operations
def test_method_path_and_query_parameters_are_the_published_ones(name: str) -> None:
    call, operation = OPERATIONS[name]
    method, _, path = call.partition(" ")
    found = constants(name)
    assert {PARAMETER.sub("{}", each) for each in found if each.startswith("/api/")} == {PARAMETER.sub("{}", path)}
    assert method in found
    assert parameters(operation) == {each for each in found if QUERY.fullmatch(each)}


@operations
def test_filters_and_page_sizes_are_the_published_ones(name: str) -> None:
    operation = OPERATIONS[name][1]
    texts = {each: str(one.annotation) for each, one in signature(call_of(name)).parameters.items()}
    published = {
        field: (set(OPERATOR.findall(names)), kind) for field, names, kind in FILTER.findall(texts.get("filter", ""))
    }
    assert published == {field: (set(each.operators), kind_of(each)) for field, each in operation.filter.items()}
    if operation.page:
        default, maximum = operation.page
        assert f"Default: {default}. Min: 1. Max: {maximum}." in texts["page_size"]


def kind_of(filterable: Filterable) -> str:
    """The kind of values as the SDK describes it."""
    if filterable.values:
        return "allowed values: " + ", ".join(f"`'{value}'`" for value in filterable.values)
    return "" if filterable.kind == "none" else filterable.kind


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: str(endpoint.name))
def test_what_ferry_calls_is_one_of_them_with_the_published_limits(endpoint: Endpoint) -> None:
    call, operation = OPERATIONS[endpoint.name]
    quota = PUBLISHED[endpoint.name]
    assert PARAMETER.sub("{}", call) == f"{endpoint.method} {PARAMETER.sub('{}', endpoint.path)}"
    assert operation.quota == Quota(quota.burst, quota.steady, quota.daily)
    assert endpoint.scope in ("", *operation.scopes)
