"""The client under an emulated Klaviyo's limits, and under its own."""

from __future__ import annotations

import time

import pytest
from redis import Redis

from klaviyo.endpoints import PUBLISHED
from klaviyo.errors import Throttled
from queues.rate_limits import RedisLimiter, fingerprint
from tests.support.client import KEY, OpenLimiter, asked, client_of, people, refusal
from tests.support.emulator_api import Api


def test_a_429_pauses_as_long_as_klaviyo_says(api: Api) -> None:
    limiter = OpenLimiter()
    api.control("faults", {"fault": "429", "retry_after": 2.5})
    with client_of(api, limiter) as client:
        refusal(client, people(1), None)
    assert limiter.pauses == [("bulk_import_profiles", 2.5)]


def test_under_klaviyos_own_limits_our_limiter_never_meets_a_429(api: Api, redis: Redis) -> None:
    sent = 0
    began = time.monotonic()
    with client_of(api, RedisLimiter(redis, fingerprint(KEY), PUBLISHED)) as client:
        while sent < 20 or time.monotonic() - began < 3.5:
            # Raises NotAccepted at the first 429.
            client.import_profiles(people(1), None)
            sent += 1
    assert {request["status"] for request in asked(api)} == {202}


def test_a_used_up_quota_sends_nothing_and_says_when(api: Api, redis: Redis) -> None:
    RedisLimiter(redis, fingerprint(KEY), PUBLISHED).pause("bulk_import_profiles", 30)
    with (
        client_of(api, RedisLimiter(redis, fingerprint(KEY), PUBLISHED)) as client,
        pytest.raises(Throttled) as throttled,
    ):
        client.import_profiles(people(1), None)
    assert 29 < throttled.value.after_s <= 30
    assert asked(api) == []
