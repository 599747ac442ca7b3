"""`ferry preflight`: who of an audience could be mailed, against the emulator."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from klaviyo.endpoints import PUBLISHED
from queues.clock import now_ms
from queues.rate_limits import RedisLimiter, fingerprint
from queues.snapshots import members
from queues.snapshots.members import Bucket, Member, bucket_of
from tests.support.emulator_api import SUBSCRIBE, UNSUBSCRIBE, Api, bulk_body, row, subscribed, unsubscribed
from tests.support.ops import VIPS, ferry, put, take
from tests.support.people import names


@pytest.fixture
def preflight(redis: Redis, redis_url: str, api: Api, tmp_path: Path) -> Any:
    """`ferry preflight`, with the emulator as Klaviyo."""
    return partial(ferry, redis_url, tmp_path, "preflight", KLAVIYO_BASE_URL=api.url)


def on_list(api: Api) -> str:
    """A list with ann, subscribed to both; bob, who never said anything; carl, who complained; dora, who left; c-9."""
    made = api.make_list("VIPs", opt_in_process="single_opt_in")
    api.post(SUBSCRIBE, bulk_body(SUBSCRIBE, [subscribed("ann@example.com", "+12025550123")], made))
    api.make_profile(email="dora@example.com")
    api.post(UNSUBSCRIBE, bulk_body(UNSUBSCRIBE, [unsubscribed("dora@example.com")]))
    api.start_import([row(email=f"{name}@example.com") for name in ("bob", "carl", "dora")], made)
    api.start_import([row(external_id="c-9")], made)
    api.control("suppress/carl@example.com", {"reason": "SPAM_COMPLAINT"})
    return made


def told(result: Any) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_members_and_those_who_wait_are_counted_by_what_klaviyo_tells_of_them(
    preflight: Any, api: Api, redis: Redis
) -> None:
    made = on_list(api)
    api.make_profile(email="eve@example.com")
    # Bob's add waits, but he is a member already; a hundred strangers are in an open batch.
    put(redis, *names(100))
    assert take(redis) is not None
    put(redis, "eve@example.com", "bob@example.com", "nonsense")
    found = told(preflight("VIPs", "--json"))
    assert found["list_id"] == made
    of_members, waiting = found["members"], found["waiting"]
    assert (of_members["people"], of_members["unknown"]) == (5, 0)
    assert of_members["email"] == {
        "subscribed": 1,
        "never_subscribed": 1,
        "unsubscribed": 0,
        "suppressed": 2,
        "no_address": 1,
        "not_told": 0,
    }
    assert of_members["suppressed_by_reason"] == {"SPAM_COMPLAINT": 1, "UNSUBSCRIBE": 1}
    assert of_members["sms"]["subscribed"] == 1
    assert (waiting["people"], waiting["unknown"]) == (101, 100)
    assert waiting["email"]["never_subscribed"] == 1
    assert waiting["left_out"] == {"email_invalid": 1}


def test_a_person_reads_a_table_and_what_it_means_and_nobodys_address(preflight: Any, api: Api, redis: Redis) -> None:
    on_list(api)
    put(redis, "eve@example.com")
    result = preflight("VIPs")
    assert result.exit_code == 0
    assert "never subscribed" in result.stdout
    assert "SPAM_COMPLAINT" in result.stdout
    assert "Being on a list is not consent" in result.stdout
    assert "675 pages of 100 people a minute" in result.stderr
    assert "@" not in result.output


def test_how_long_it_takes_is_said_where_ferry_knows_the_members(preflight: Any, api: Api, redis: Redis) -> None:
    on_list(api)
    put(redis, "eve@example.com")
    members.begin(redis, VIPS, f"{VIPS.partition:02d}-test")
    people = [f"email:p{number}@example.com" for number in range(300)]

    def filled(number: int, _: Bucket) -> Bucket:
        return Bucket({person: Member(now_ms()) for person in people if bucket_of(person) == number})

    members.edit(redis, VIPS, {bucket_of(person) for person in people}, filled)
    assert "300 people on the list, 1 pending: 0.0 minutes" in preflight("VIPs").stderr


def test_without_a_list_only_those_who_wait_are_looked_up(preflight: Any, api: Api, redis: Redis) -> None:
    api.make_profile(email="eve@example.com")
    put(redis, "eve@example.com", "fay@example.com")
    found = told(preflight("VIPs", "--json"))
    assert (found["list_id"], found["members"]["people"]) == (None, 0)
    assert (found["waiting"]["people"], found["waiting"]["unknown"]) == (2, 1)
    assert "no list for this audience yet" in preflight("VIPs").stdout


def test_the_limit_that_workers_share_is_waited_for(preflight: Any, api: Api, redis: Redis) -> None:
    on_list(api)
    put(redis, "eve@example.com")
    limiter = RedisLimiter(redis, fingerprint("pk_test"), PUBLISHED)
    limiter.pause("get_profiles_for_list", 2)
    limiter.pause("get_profiles", 3)
    assert told(preflight("VIPs", "--json"))["members"]["people"] == 5


def test_an_audience_that_is_not_there_and_a_refused_key_are_said(preflight: Any, api: Api, redis: Redis) -> None:
    result = preflight("VIPs")
    assert (result.exit_code, "there is no audience 'VIPs'" in result.stderr) == (2, True)
    put(redis, "eve@example.com")
    result = preflight("VIPs", KLAVIYO_API_KEY="pk_a b")
    assert result.exit_code == 2
    result = preflight("VIPs", KLAVIYO_API_KEY="")
    assert (result.exit_code, "set KLAVIYO_API_KEY" in result.stderr) == (1, True)
