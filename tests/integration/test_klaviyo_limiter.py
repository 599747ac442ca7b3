"""The shared limiter on a real server: Klaviyo's windows are never exceeded, whatever their phase."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left

import pytest
import redis as redis_py
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limits.storage import RedisStorage
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from klaviyo.endpoints import PUBLISHED
from queues import keys
from queues.rate_limits import EndpointUse, RedisLimiter, fingerprint
from tests.support.waiting import apart

KEY = "pk_canary0123456789"
ACCOUNT = fingerprint(KEY)
START = 1_800_000_000.0


class Clock:
    """The clock that the limits library reads, moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr("time.time", moved)
    # The server's own clock cannot be moved; all it does is forget old entries, so let it forget later.
    script = RedisStorage.SCRIPT_ACQUIRE_MOVING_WINDOW
    assert b"KEYS[1], expiry)" in script
    monkeypatch.setattr(
        RedisStorage, "SCRIPT_ACQUIRE_MOVING_WINDOW", script.replace(b"KEYS[1], expiry)", b"KEYS[1], expiry + 3600)")
    )
    return moved


def most_within(moments: list[float], seconds: float) -> int:
    """The most of `moments` in any window of this length, wherever it begins."""
    return max(bisect_left(moments, moment + seconds) - index for index, moment in enumerate(moments))


@pytest.mark.parametrize(("endpoint", "share"), [("bulk_import_profiles", 0.1), ("get_accounts", 0.0)])
@given(pauses=st.lists(st.floats(0, 90) | st.floats(0, 0.3), min_size=1, max_size=25), hurry=st.integers(1, 30))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_window_of_any_phase_holds_more_than_the_quota(
    endpoint: str, share: float, pauses: list[float], hurry: int, redis: Redis, clock: Clock
) -> None:
    redis.flushall()
    limiter = RedisLimiter(redis, ACCOUNT, PUBLISHED, share)
    gone: list[float] = []
    for pause in pauses:
        clock.now += pause
        for _ in range(hurry):
            wait = limiter.acquire(endpoint)
            if wait == 0.0:
                gone.append(clock.now)
            # Some callers wait as they are told, some come back too early.
            clock.now += wait if hurry % 2 else wait / 2
    allowed = PUBLISHED[endpoint].less(share)
    assert most_within(gone, 1) <= allowed.burst
    assert most_within(gone, 60) <= allowed.steady


@pytest.mark.parametrize("endpoint", ["bulk_import_profiles", "get_accounts"])
def test_a_caller_who_waits_as_told_gets_the_whole_steady_quota(endpoint: str, redis: Redis, clock: Clock) -> None:
    limiter = RedisLimiter(redis, ACCOUNT, PUBLISHED)
    gone = 0
    while clock.now < START + 600:
        wait = limiter.acquire(endpoint)
        gone += wait == 0.0
        clock.now += wait
    assert gone >= 10 * PUBLISHED[endpoint].less(0.1).steady


def test_creating_lists_stops_at_the_daily_quota(redis: Redis, clock: Clock) -> None:
    limiter = RedisLimiter(redis, ACCOUNT, PUBLISHED)
    gone = 0
    while (wait := limiter.acquire("create_list")) < 3_600:
        gone += wait == 0.0
        clock.now += wait
    assert gone == 135
    assert clock.now + wait == pytest.approx(START + 86_400, abs=1)


def test_workers_on_threads_share_one_quota(redis_url: str) -> None:
    waits: list[float] = []

    def work() -> None:
        with Redis.from_url(redis_url) as own:
            limiter = RedisLimiter(own, ACCOUNT, PUBLISHED)
            waits.extend(limiter.acquire("get_accounts") for _ in range(5))

    began = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # One a second: a slow machine may get into the next second while it asks thirty times.
    assert 1 <= waits.count(0.0) <= 1 + int(time.monotonic() - began)
    assert all(0 < wait <= 60 for wait in waits if wait)


def test_accounts_and_endpoints_have_quotas_of_their_own(redis: Redis, clock: Clock) -> None:
    ours, theirs = RedisLimiter(redis, ACCOUNT, PUBLISHED), RedisLimiter(redis, fingerprint("pk_other"), PUBLISHED)
    assert ours.acquire("get_accounts") == 0.0
    assert ours.acquire("get_accounts") > 0.0
    assert ours.acquire("get_lists") == 0.0
    assert theirs.acquire("get_accounts") == 0.0


def test_a_pause_stops_every_worker_of_the_endpoint_until_it_is_over(redis: Redis) -> None:
    began = time.monotonic()
    RedisLimiter(redis, ACCOUNT, PUBLISHED).pause("get_lists", 0.5)
    other = RedisLimiter(redis, ACCOUNT, PUBLISHED)
    assert other.acquire("create_list") == 0.0
    while wait := other.acquire("get_lists"):
        assert wait <= 0.5
        apart(wait)
    assert time.monotonic() - began >= 0.5


def test_a_pause_is_not_shortened_by_a_later_one(redis: Redis) -> None:
    limiter = RedisLimiter(redis, ACCOUNT, PUBLISHED)
    limiter.pause("create_list", 3_600)
    limiter.pause("create_list", 1)
    limiter.pause("create_list", 0)
    assert limiter.acquire("create_list") > 3_500


def test_what_was_used_and_what_is_paused_is_told_and_takes_no_slot(redis: Redis, clock: Clock) -> None:
    limiter = RedisLimiter(redis, ACCOUNT, PUBLISHED)
    assert limiter.uses() == []
    assert limiter.acquire("get_lists") == 0.0
    assert limiter.acquire("create_list") == 0.0
    clock.now += 2
    assert limiter.acquire("create_list") == 0.0
    lists, day = EndpointUse("get_lists", "minute", 1, 675), EndpointUse("create_list", "day", 2, 135)
    expected = [lists, EndpointUse("create_list", "minute", 2, 135), day]
    for _ in range(3):
        assert limiter.uses() == expected
    assert RedisLimiter(redis, fingerprint("pk_other"), PUBLISHED).uses() == []
    clock.now += 61
    assert limiter.uses() == [day]


def test_an_endpoint_that_is_paused_is_told_of_though_nothing_was_asked_of_it(redis: Redis) -> None:
    RedisLimiter(redis, ACCOUNT, PUBLISHED).pause("get_lists", 50)
    (use,) = RedisLimiter(redis, ACCOUNT, PUBLISHED).uses()
    assert (use.endpoint, use.used, use.allowed) == ("get_lists", 0, 675)
    assert 0 < use.paused_ms <= 50_000


def test_keys_carry_the_prefix_and_an_end_but_no_key_of_klaviyos(redis: Redis) -> None:
    limiter = RedisLimiter(redis, ACCOUNT, PUBLISHED)
    limiter.acquire("create_list")
    limiter.pause("create_list", 5)
    names = [name if isinstance(name, str) else name.decode() for name in redis.scan_iter()]
    assert len(names) == 4
    for name in names:
        assert name.startswith(f"{keys.LIMITS}:")
        assert "canary" not in name
        assert 0 < redis.ttl(name) <= 86_400


def test_without_redis_nothing_may_be_sent() -> None:
    limiter = RedisLimiter(
        Redis(unix_socket_path="/nonexistent/redis.sock", retry=Retry(NoBackoff(), 0)), ACCOUNT, PUBLISHED
    )
    with pytest.raises(redis_py.ConnectionError):
        limiter.acquire("get_lists")


@pytest.mark.parametrize("share", [-0.1, 1.0, 2.0])
def test_a_share_that_leaves_nothing_is_refused(share: float, redis: Redis) -> None:
    with pytest.raises(ValueError, match="share left to other tools"):
        RedisLimiter(redis, ACCOUNT, PUBLISHED, share)
