from __future__ import annotations

import pytest

from emulator.errors import ApiError
from emulator.limits import DAY, Limits, Quota

CREATE_LIST, M = Quota(10, 150, 150), Quota(10, 150)
NOON = 1_800_000_000.0


def take(limits: Limits, now: float, *, times: int = 1, quota: Quota = M, group: str = "a", name: str = "x") -> None:
    for _ in range(times):
        limits.take(group, name, quota, now)


def test_the_headers_list_every_window_and_describe_the_second() -> None:
    assert Limits().take("a", "create_list", CREATE_LIST, NOON + 0.2) == {
        "RateLimit-Limit": "10, 10;w=1, 150;w=60, 150;w=86400",
        "RateLimit-Remaining": "9",
        "RateLimit-Reset": "0",
    }


def test_the_eleventh_call_of_a_second_is_throttled_and_the_next_second_is_free() -> None:
    limits = Limits()
    take(limits, NOON, times=10)
    with pytest.raises(ApiError) as refused:
        take(limits, NOON + 0.9)
    assert refused.value.status == 429
    assert refused.value.headers == {"Retry-After": "1"}
    assert refused.value.problems[0].detail == "Request was throttled. Expected available in 1 second."
    take(limits, NOON + 1)


def test_the_minute_is_spent_although_every_second_had_room_left() -> None:
    limits = Limits()
    for second in range(15):
        take(limits, NOON + second, times=10)
    with pytest.raises(ApiError) as refused:
        take(limits, NOON + 20.5)
    assert refused.value.headers == {"Retry-After": "40"}
    assert "40 seconds" in refused.value.problems[0].detail
    take(limits, NOON + 60)


def test_creating_lists_has_a_daily_limit_as_well() -> None:
    midnight = NOON - NOON % DAY
    limits = Limits()
    for minute in range(15):
        take(limits, midnight + 60 * minute, times=10, quota=CREATE_LIST)
    with pytest.raises(ApiError) as refused:
        take(limits, midnight + 3_600, quota=CREATE_LIST)
    assert refused.value.headers == {"Retry-After": str(DAY - 3_600)}
    take(limits, midnight + DAY, quota=CREATE_LIST)


def test_a_throttled_call_does_not_use_up_the_next_window() -> None:
    limits = Limits()
    take(limits, NOON, times=10)
    for _ in range(50):
        with pytest.raises(ApiError):
            take(limits, NOON)
    for second in range(1, 15):
        take(limits, NOON + second, times=10)


def test_operations_and_groups_have_quotas_of_their_own() -> None:
    limits = Limits()
    take(limits, NOON, times=10)
    take(limits, NOON, times=10, name="y")
    take(limits, NOON, times=10, group="b")


def test_a_scale_changes_the_quotas_and_the_headers() -> None:
    limits = Limits()
    limits.scale = 0.1
    headers = limits.take("a", "x", M, NOON)
    assert headers["RateLimit-Limit"] == "1, 1;w=1, 15;w=60"
    with pytest.raises(ApiError):
        take(limits, NOON)


def test_switched_off_limits_never_refuse() -> None:
    limits = Limits(off=True)
    take(limits, NOON, times=500)
    assert limits.take("a", "x", M, NOON)["RateLimit-Remaining"] == "0"
