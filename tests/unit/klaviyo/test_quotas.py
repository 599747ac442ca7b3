"""The published quotas and the part of them that Ferry uses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klaviyo.endpoints import ENDPOINTS, PUBLISHED, Quota


def test_every_endpoint_has_a_quota_and_every_quota_an_endpoint() -> None:
    assert {endpoint.name for endpoint in ENDPOINTS} == set(PUBLISHED)


@pytest.mark.parametrize(
    ("quota", "share", "left"),
    [
        (Quota(10, 150), 0.1, Quota(9, 135)),
        (Quota(75, 750), 0.1, Quota(67, 675)),
        (Quota(10, 150, 150), 0.1, Quota(9, 135, 135)),
        (Quota(1, 15), 0.1, Quota(1, 13)),
        (Quota(10, 150), 0.0, Quota(10, 150)),
        (Quota(10, 150), 0.99, Quota(1, 1)),
    ],
)
def test_a_share_is_left_to_the_customers_other_tools(quota: Quota, share: float, left: Quota) -> None:
    assert quota.less(share) == left


@given(st.integers(1, 4_000), st.floats(0, 0.999))
def test_the_rest_is_never_more_than_the_quota_nor_nothing(amount: int, share: float) -> None:
    left = Quota(amount, amount, amount).less(share)
    assert 1 <= left.burst <= amount
    assert left.burst == left.steady == left.daily
