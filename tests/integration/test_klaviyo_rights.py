"""Every scope that a key lacks is found out, and nothing is written by trying."""

from __future__ import annotations

import pytest
from redis import Redis

from klaviyo.accounts import NEEDED, Rights
from klaviyo.client import Klaviyo
from klaviyo.endpoints import PUBLISHED
from klaviyo.errors import NotAccepted
from queues.rate_limits import RedisLimiter, fingerprint
from tests.support.emulator_api import Api

SCOPES = (
    "accounts:read",
    "lists:read",
    "lists:write",
    "profiles:read",
    "profiles:write",
    "subscriptions:write",
    "events:write",
    "data-privacy:write",
)


def rights(redis: Redis, api: Api, *scopes: str) -> Rights:
    api.control("keys", {"keys": [{"key": "pk_narrow", "scopes": scopes}, {"key": "pk_test"}]})
    klaviyo = Klaviyo(api.url, "pk_narrow", RedisLimiter(redis, fingerprint("pk_narrow"), PUBLISHED))
    try:
        return klaviyo.rights()
    finally:
        klaviyo.close()


def test_a_key_with_all_scopes_lacks_none_and_trying_writes_nothing(redis: Redis, api: Api) -> None:
    found = rights(redis, api, *SCOPES)
    assert (list(found.scopes), found.missing, found.delivers) == (list(SCOPES), [], True)
    assert (found.account.id, found.account.name, found.account.test_account) == ("EmULat", "Emulator", True)
    assert api.get("/api/lists").json()["data"] == []
    assert api.get("/api/profiles").json()["data"] == []
    assert api.get("/api/profile-bulk-import-jobs").json()["data"] == []
    assert api.events() == []


@pytest.mark.parametrize("lacking", SCOPES)
def test_each_scope_that_is_missing_is_named(redis: Redis, api: Api, lacking: str) -> None:
    found = rights(redis, api, *(scope for scope in SCOPES if scope != lacking))
    assert found.scopes[lacking] is False
    hidden = {"lists:write": ["profiles:write", "subscriptions:write"], "profiles:write": ["subscriptions:write"]}
    assert [scope for scope, has in found.scopes.items() if has is None] == hidden.get(lacking, [])
    assert found.delivers is (lacking not in NEEDED)
    assert (found.account.id is None) is (lacking == "accounts:read")


def test_an_unknown_key_and_a_passing_fault_are_no_verdict_on_scopes(redis: Redis, api: Api) -> None:
    api.control("faults", {"fault": "500", "match": {"path": "/api/event-bulk"}})
    with pytest.raises(NotAccepted, match="http_500"):
        rights(redis, api, *SCOPES)
    api.control("faults", {"fault": "401", "match": {"path": "/api/accounts"}})
    with pytest.raises(NotAccepted, match="unauthenticated"):
        rights(redis, api, *SCOPES)
