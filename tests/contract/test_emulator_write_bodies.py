"""The bodies for consent, events and deletions are those of the official SDK's models."""

from __future__ import annotations

import orjson
import pytest

from tests.support.emulator_api import (
    DELETE,
    EVENT,
    EVENTS,
    SUBSCRIBE,
    SUPPRESS,
    UNSUBSCRIBE,
    UNSUPPRESS,
    Api,
    bulk_body,
    deletion_body,
    entry,
    event,
    events_body,
    row,
)
from tests.support.sdk_models import through, without_nulls

LIST = "{list}"
WHEN = "2020-01-02T03:04:05+00:00"
CONSENTED = {"consent": "SUBSCRIBED", "consented_at": WHEN}
REVOKED = {"consent": "UNSUBSCRIBED"}
TRACKED = {"open_tracking": {"consent": "SUBSCRIBED"}, "click_tracking": {"consent": "SUBSCRIBED"}}
CHANNELS = {"email": {"marketing": CONSENTED, **TRACKED}, "sms": {"marketing": CONSENTED, "transactional": CONSENTED}}
UNTRACKED = {"open_tracking": REVOKED, "click_tracking": REVOKED}
GONE = {"email": {"marketing": REVOKED, **UNTRACKED}, "sms": {"marketing": REVOKED, "transactional": REVOKED}}
REACHED = {"email": "ada@example.com", "phone_number": "+12025550123"}
SUBSCRIBER = row(**REACHED, subscriptions=CHANNELS, age_gated_date_of_birth="2000-02-29")
PERSON_ROW = {
    **row(
        **REACHED,
        external_id="7",
        anonymous_id="anon",
        first_name="Ada",
        last_name="Lovelace",
        organization="Analytical",
        locale="en-GB",
        title="Countess",
        image="https://example.com/ada.png",
        location={"city": "London", "latitude": 51.5},
        properties={"n": 1},
    ),
    "meta": {"patch_properties": {"append": {"skus": "1"}, "unset": ["old"]}},
}
DONE = event(
    properties={"list": ["a"], "n": 1}, time=WHEN, value=9.5, value_currency="USD", unique_id="1", backfill=True
)
BACKFILLED = entry(PERSON_ROW, DONE)
BACKFILLED["attributes"]["backfill"] = False
BODIES = {
    SUBSCRIBE: (
        "SubscriptionCreateJobCreateQuery",
        bulk_body(SUBSCRIBE, [SUBSCRIBER], LIST, historical_import=True, custom_source="Fair"),
    ),
    UNSUBSCRIBE: (
        "SubscriptionDeleteJobCreateQuery",
        bulk_body(UNSUBSCRIBE, [row(**REACHED, subscriptions=GONE)], LIST),
    ),
    SUPPRESS: ("SuppressionCreateJobCreateQuery", bulk_body(SUPPRESS, [row(email="ada@example.com")])),
    UNSUPPRESS: ("SuppressionDeleteJobCreateQuery", bulk_body(UNSUPPRESS, [row(email="ada@example.com")])),
    EVENT: (
        "EventCreateQueryV2",
        {"data": {**DONE, "attributes": {**DONE["attributes"], "profile": {"data": PERSON_ROW}}}},
    ),
    EVENTS: ("EventsBulkCreateJob", events_body(BACKFILLED)),
    DELETE: ("DataPrivacyCreateDeletionJobQuery", deletion_body(email="ada@example.com")),
}


@pytest.mark.parametrize("path", BODIES)
def test_what_the_model_takes_whole_the_emulator_takes(api: Api, path: str) -> None:
    model, body = BODIES[path]
    api.make_profile(email="ada@example.com")
    sent = without_nulls(through(model, body))
    assert sent == body
    answer = api.call("POST", path, data=orjson.dumps(sent).replace(LIST.encode(), api.make_list().encode()))
    assert answer.status_code == 202, answer.text
