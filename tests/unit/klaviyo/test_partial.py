"""A request that Klaviyo took without some of its fields: said once, counted by field, and without anybody's data."""

from __future__ import annotations

import logging

import pytest
import responses

from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted
from klaviyo.responses import left_out
from tests.support.answered import URL, Heard
from tests.support.client import OpenLimiter

SUBSCRIBE = f"{URL}/api/profile-subscription-bulk-create-jobs"
ENDPOINT = "bulk_subscribe_profiles"


def subscribe(heard: Heard) -> None:
    Klaviyo(URL, "pk_test", OpenLimiter(), meter=heard).subscribe([b"{}"], None, None, historical=False)


@responses.activate
def test_a_field_that_was_left_out_is_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    responses.post(SUBSCRIBE, status=202, headers={"X-Klaviyo-Partial-Failure": "phone_number"})
    heard = Heard()
    subscribe(heard)
    assert heard.told == [("calls", ENDPOINT), ("partial_failure", ENDPOINT, "phone_number")]
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.getMessage().startswith(
        f"{ENDPOINT}: Klaviyo accepted the request but left phone_number out of one or more rows"
    )


@responses.activate
def test_without_the_header_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    responses.post(SUBSCRIBE, status=202)
    heard = Heard()
    subscribe(heard)
    assert heard.told == [("calls", ENDPOINT)]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@responses.activate
def test_a_refusal_with_the_header_is_a_refusal_only() -> None:
    responses.post(SUBSCRIBE, status=400, headers={"X-Klaviyo-Partial-Failure": "phone_number"})
    heard = Heard()
    with pytest.raises(NotAccepted):
        subscribe(heard)
    assert heard.told == [("calls", ENDPOINT)]


@responses.activate
def test_what_is_no_name_of_a_field_reaches_neither_log_nor_metric(caplog: pytest.LogCaptureFixture) -> None:
    header = "canary@example.com, +12125560100; phone, external_id"
    responses.post(SUBSCRIBE, status=202, headers={"X-Klaviyo-Partial-Failure": header})
    heard = Heard()
    subscribe(heard)
    assert heard.told[1:] == [("partial_failure", ENDPOINT, "external_id"), ("partial_failure", ENDPOINT, "other")]
    assert "external_id, other out of" in caplog.text
    assert not any(part in caplog.text for part in ("canary", "2125560100"))


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({}, []),
        ({"x-klaviyo-partial-failure": ""}, []),
        ({"X-KLAVIYO-PARTIAL-FAILURE": " Phone_Number ,phone_number, email,"}, ["email", "phone_number"]),
        ({"X-Klaviyo-Partial-Failures": "email"}, []),
    ],
)
def test_the_header_is_read_whatever_its_spelling(headers: dict[str, str], fields: list[str]) -> None:
    assert left_out(headers) == fields
