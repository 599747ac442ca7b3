"""Whatever is posted, the answer is JSON and never a defect."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.intake import Intake, known, running

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
TYPES = st.sampled_from(
    ["module_registration", "event_processing", "audience_subscription", "audience_membership_change", "dsr_processing"]
)
SEGMENT = st.sampled_from(["identify", "track", "group", "page", "delete"])
SEGMENT_FIELDS = {
    "messageId": ANYTHING,
    "userId": ANYTHING,
    "event": st.sampled_from(["Audience Entered", "Order Completed", "User Subscribed"]) | ANYTHING,
    "traits": st.fixed_dictionaries({}, optional={"email": ANYTHING, "phone": ANYTHING, "address": ANYTHING})
    | ANYTHING,
    "properties": st.fixed_dictionaries({}, optional={"products": ANYTHING, "email": ANYTHING}) | ANYTHING,
    "context": st.fixed_dictionaries({}, optional={"traits": ANYTHING, "personas": ANYTHING}) | ANYTHING,
    "integrations": ANYTHING,
    "timestamp": ANYTHING,
}
SEGMENT_MESSAGE = st.fixed_dictionaries({}, optional={"type": SEGMENT | ANYTHING, **SEGMENT_FIELDS})
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "type": TYPES.map(lambda kind: f"{kind}_request") | SEGMENT | ANYTHING,
        "id": st.text(max_size=6) | ANYTHING,
        "timestamp_ms": st.integers() | ANYTHING,
        "account": st.fixed_dictionaries({}, optional={"account_id": ANYTHING, "account_settings": ANYTHING})
        | ANYTHING,
        "audience_id": st.integers(0, 9) | ANYTHING,
        "audience_name": st.text(max_size=6) | ANYTHING,
        "audience_subscription_settings": ANYTHING,
        "user_profiles": st.lists(ANYTHING, max_size=3) | ANYTHING,
        "audience": st.fixed_dictionaries({}, optional={"id": ANYTHING, "name": ANYTHING}),
        "changes": st.lists(ANYTHING, max_size=3) | ANYTHING,
        "batch": st.lists(SEGMENT_MESSAGE | ANYTHING, max_size=3) | ANYTHING,
        **SEGMENT_FIELDS,
    },
)
BODY = st.binary(max_size=50) | (MESSAGE | ANYTHING).map(lambda value: json.dumps(value).encode())


@pytest.fixture(scope="module")
def intake(redis_server: str) -> Iterator[Intake]:
    with running(known(redis_server, secret_keys=("a secret of the installation",))) as started:
        yield started


@settings(max_examples=150)
@given(
    path=st.sampled_from(
        [
            *("/v1/mparticle", "/v1/changes", "/v1/changes?audience=1", "/v1/changes?connection=\u20ac", "/v1/segment"),
            *("/v1/batch", "/v1/t", "/v1/identify/"),
        ]
    ),
    body=BODY,
    kind=st.sampled_from(["application/json", "application/x-ndjson", "", ";"]),
    packed=st.booleans(),
)
def test_nothing_that_is_posted_is_answered_with_a_defect(
    intake: Intake, path: str, body: bytes, kind: str, packed: bool
) -> None:
    headers: dict[str, Any] = {"Content_Type": kind}
    if packed:
        body, headers["Content_Encoding"] = gzip.compress(body), "gzip"
    response = intake.post(path, body, **headers)
    assert response.status_code in (200, 202, 400, 404)
    posted = response.json()
    if response.status_code >= 400:
        assert set(posted["error"]) == {"title", "description"}
        assert all(posted["error"].values())
