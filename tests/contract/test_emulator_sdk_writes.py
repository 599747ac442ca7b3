"""The official SDK gives consent, records events, suppresses and deletes, and reads what came of it."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_client.exceptions import ApiException

from tests.support.emulator_api import (
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
    subscribed,
    unsubscribed,
)

ADA = "a@example.com"


def consent(sdk: Any) -> Any:
    """The subscriptions of Ada."""
    query = {"filter": f'equals(email,"{ADA}")', "additional_fields_profile": ["subscriptions"]}
    (person,) = sdk.Profiles.get_profiles(**query).data
    return person.attributes.subscriptions


def test_consent_is_given_read_and_taken_back(sdk: Any, api: Api) -> None:
    list_id = api.make_list(opt_in_process="single_opt_in")
    sdk.Profiles.bulk_subscribe_profiles(bulk_body(SUBSCRIBE, [subscribed(ADA, "+12025550123")], list_id))
    given = consent(sdk)
    assert given.email.marketing.consent == given.sms.marketing.consent == "SUBSCRIBED"
    assert given.email.marketing.can_receive_email_marketing is True
    sdk.Profiles.bulk_unsubscribe_profiles(bulk_body(UNSUBSCRIBE, [unsubscribed(ADA)], list_id))
    (suppression,) = consent(sdk).email.marketing.list_suppressions
    assert suppression.list_id == list_id
    sdk.Profiles.bulk_unsubscribe_profiles(bulk_body(UNSUBSCRIBE, [unsubscribed(ADA)]))
    taken = consent(sdk).email.marketing
    assert (taken.consent, [item.reason for item in taken.suppression]) == ("UNSUBSCRIBED", ["UNSUBSCRIBE"])


def test_who_never_said_anything_is_read(sdk: Any, api: Api) -> None:
    api.make_profile(email=ADA)
    assert consent(sdk).sms.transactional.consent == "NEVER_SUBSCRIBED"


def test_suppression_jobs_are_started_and_read(sdk: Any, api: Api) -> None:
    started = sdk.Profiles.bulk_suppress_profiles(bulk_body(SUPPRESS, [row(email=ADA)])).data
    assert (started.attributes.status, started.attributes.total_count) == ("processing", 0)
    done = sdk.Profiles.get_bulk_suppress_profiles_job(started.id).data.attributes
    assert (done.status, done.total_count, done.completed_count) == ("complete", 1, 1)
    back = sdk.Profiles.bulk_unsuppress_profiles(bulk_body(UNSUPPRESS, [row(email=ADA)])).data
    assert sdk.Profiles.get_bulk_unsuppress_profiles_job(back.id).data.attributes.skipped_count == 0
    assert consent(sdk).email.marketing.suppression == []


def test_events_are_recorded_singly_and_in_bulk(sdk: Any, api: Api) -> None:
    single = event(unique_id="1", time="2022-11-08T00:00:00Z", profile={"data": row(email=ADA)})
    sdk.Events.create_event({"data": single})
    sdk.Events.bulk_create_events(events_body(entry(row(email=ADA), event(unique_id="1"), event(unique_id="2"))))
    assert api.events() == ["1", "2"]


def test_a_person_is_deleted_and_then_unknown(sdk: Any, api: Api) -> None:
    api.make_profile(email=ADA)
    sdk.Data_Privacy.request_profile_deletion(deletion_body(email=ADA))
    assert api.person(ADA) is None
    with pytest.raises(ApiException) as refused:
        sdk.Data_Privacy.request_profile_deletion(deletion_body(email=ADA))
    assert refused.value.status == 404


def test_refusals_are_read(sdk: Any, api: Api) -> None:
    with pytest.raises(ApiException) as refused:
        sdk.Profiles.bulk_subscribe_profiles(bulk_body(SUBSCRIBE, [subscribed("nope")]))
    assert refused.value.status == 400
    assert "/data/attributes/profiles/data/0/attributes/email" in str(refused.value.body)
