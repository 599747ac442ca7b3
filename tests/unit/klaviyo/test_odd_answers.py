"""Answers that nobody promised: none breaks the classification, none is shown to people."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from klaviyo.endpoints import BULK_IMPORT, ENDPOINTS, Endpoint
from klaviyo.outcomes import Accepted, Rows, summary
from klaviyo.responses import classify

NOW = 1_800_000_000.0

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
error_like = st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "code", "detail", "source", "meta"), json_values))


@given(
    endpoint=st.sampled_from(ENDPOINTS),
    status=st.integers(200, 599),
    body=st.one_of(
        st.binary(max_size=50),
        st.builds(lambda found: json.dumps({"errors": found}).encode(), json_values | st.lists(error_like)),
    ),
    retry_after=st.text(max_size=20),
)
def test_no_answer_whatever_breaks_the_classification(
    endpoint: Endpoint, status: int, body: bytes, retry_after: str
) -> None:
    outcome = classify(status, {"Retry-After": retry_after}, body, endpoint=endpoint, now=NOW)
    if isinstance(outcome, Accepted):
        assert status in endpoint.success
    assert summary(outcome)


@given(detail=st.text(max_size=2_000))
def test_klaviyos_sentence_is_kept_but_never_shown(detail: str) -> None:
    canary = "ada@example.com"
    pointer = f"/data/attributes/profiles/data/0/attributes/{canary}"
    error = {"id": canary, "code": canary, "detail": f"{canary}{detail}", "source": {"pointer": pointer}}
    body = json.dumps({"errors": [error]}).encode()
    outcome = classify(400, {}, body, endpoint=BULK_IMPORT, now=NOW)
    assert isinstance(outcome, Rows)
    assert outcome.errors[0].detail == f"{canary}{detail}"[:500]
    assert canary not in repr(outcome)
    assert canary not in summary(outcome)
