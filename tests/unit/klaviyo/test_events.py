"""Events in bulk: the body, the caps, and refusals that name rows."""

from __future__ import annotations

import json

import pytest
import responses

from klaviyo.calls import MAX_BODY, MAX_ROW_BYTES, chunks
from klaviyo.errors import NotAccepted
from klaviyo.events import MAX_EVENTS
from klaviyo.outcomes import UNEXPECTED, Bisect, Outcome, RowError, Rows, Split
from tests.support.answered import URL, client, refused

EVENTS = f"{URL}/api/event-bulk-create-jobs"
ROWS = [b'{"type":"event-bulk-create","attributes":{}}', b'{"type":"event-bulk-create","attributes":{"a":1.50}}']


@responses.activate
def test_rows_go_into_the_body_as_they_are() -> None:
    responses.post(EVENTS, status=202)
    client().create_events(ROWS)
    body = responses.calls[0].request.body
    assert isinstance(body, bytes)
    assert all(row in body for row in ROWS)
    assert json.loads(body) == {
        "data": {
            "type": "event-bulk-create-job",
            "attributes": {"events-bulk-create": {"data": [json.loads(row) for row in ROWS]}},
        }
    }


@pytest.mark.parametrize("place", ["", "/attributes/profile/data/attributes/email", "/attributes/events/data/0/id"])
@responses.activate
def test_the_row_is_named_wherever_in_it_the_fault_is(place: str) -> None:
    responses.post(EVENTS, status=400, json=refused(pointer(1) + place, pointer(2) + place))
    assert refusal() == Rows((RowError(1, "invalid", "d", pointer(1) + place, "e"),))


@pytest.mark.parametrize("unnamed", ["/data", "/data/attributes/events-bulk-create/data/", "/data/attributes/x/data/0"])
@responses.activate
def test_a_refusal_that_names_no_row_leads_to_halving(unnamed: str) -> None:
    responses.post(EVENTS, status=400, json=refused(unnamed))
    assert refusal() == Bisect("invalid", "d", unnamed, "e")


@responses.activate
def test_a_body_too_large_for_klaviyo_is_split() -> None:
    responses.post(EVENTS, status=413)
    assert refusal() == Split("too_large")


@pytest.mark.parametrize("status", [200, 201, 204])
@responses.activate
def test_only_a_202_is_success(status: int) -> None:
    responses.post(EVENTS, status=status)
    assert refusal() == UNEXPECTED


@pytest.mark.parametrize("rows", [[], [b"{}"] * (MAX_EVENTS + 1), [b'"%s"' % (b"x" * MAX_BODY)]])
@responses.activate
def test_more_than_klaviyo_takes_is_not_sent(rows: list[bytes]) -> None:
    with pytest.raises(ValueError, match="The request takes"):
        client().create_events(rows)
    assert len(responses.calls) == 0


@pytest.mark.parametrize("length", [10, 4_600, 99_000])
@responses.activate
def test_rows_cut_by_the_caps_fit_into_a_request(length: int) -> None:
    responses.post(EVENTS, status=202)
    for part in chunks([b'"%s"' % (b"x" * length)] * (MAX_EVENTS + 100), MAX_EVENTS, MAX_ROW_BYTES):
        client().create_events(part)
    assert all(len(call.request.body or b"") <= MAX_BODY for call in responses.calls)


def pointer(index: int) -> str:
    return f"/data/attributes/events-bulk-create/data/{index}"


def refusal() -> Outcome:
    with pytest.raises(NotAccepted) as refused:
        client().create_events(ROWS)
    return refused.value.outcome
