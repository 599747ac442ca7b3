"""The client against a running emulator of Klaviyo: lists, imports and members."""

from __future__ import annotations

from typing import Any

import pytest

from klaviyo.calls import MAX_ROW_BYTES, chunks
from klaviyo.client import Klaviyo
from klaviyo.imports import MAX_ROWS
from tests.support.client import asked, encoded, finished, people
from tests.support.emulator_api import Api


def test_people_come_onto_a_list_are_found_and_leave_it(client: Klaviyo) -> None:
    assert client.find_list("VIP") is None
    list_id = client.create_list("VIP")
    job = client.import_profiles(people(250), list_id)
    assert (job.status, job.total) == ("queued", 250)
    state = finished(client, job)
    assert (state.completed, state.failed) == (250, 0)
    assert state.expires_at is not None
    assert list(client.import_errors(job.id)) == []
    addresses = [f"p+{number}@example.com" for number in range(250)]
    ids = [found.id for found in client.find_members(list_id, "email", [*addresses, "stranger@example.com"])]
    assert len(ids) == len(set(ids)) == 250
    client.remove_members(list_id, ids[:200])
    assert {found.id for found in client.find_members(list_id, "email", addresses)} == set(ids[200:])


@pytest.mark.parametrize("name", ["VIP", '5" & "quoted", \\ back', "100% + more", "Überraschung/€", "a,b)(c"])
def test_a_list_of_any_name_is_found_again_and_only_it(name: str, client: Klaviyo) -> None:
    other = client.create_list("other")
    ours = client.create_list(name)
    assert client.find_list(name) == ours
    assert client.find_list("other") == other
    assert client.get_list(ours) == name


def test_one_of_many_lists_of_one_name_is_chosen_over_all_pages_and_always_the_same(client: Klaviyo, api: Api) -> None:
    ids = [client.create_list("VIP") for _ in range(25)]
    assert client.find_list("VIP") == client.find_list("VIP") in ids
    assert len([request for request in asked(api) if request["method"] == "GET"]) == 6


@pytest.mark.parametrize("field", ["email", "phone_number"])
def test_a_plus_reaches_klaviyo_as_a_plus(field: Any, client: Klaviyo) -> None:
    list_id = client.create_list("VIP")
    who = {"email": "a+b@example.com", "phone_number": "+15005550006"}
    finished(client, client.import_profiles([encoded(**who)], list_id))
    assert len(client.find_members(list_id, field, [who[field]])) == 1


def test_rows_that_fail_after_acceptance_are_told_over_all_pages(client: Klaviyo) -> None:
    bad = [encoded(email=f"fail+invalid@{number}.example.com") for number in range(150)]
    job = client.import_profiles([*people(3), *bad], None)
    state = finished(client, job)
    assert state.failed == 150
    failures = list(client.import_errors(job.id))
    assert len(failures) == 150
    assert {failure.code for failure in failures} == {"invalid"}
    assert all(failure.payload for failure in failures)
    assert "example.com" not in repr(failures)


def test_the_largest_import_is_taken(client: Klaviyo) -> None:
    rows = [encoded(email=f"p+{number}@example.com", first_name="x" * 400) for number in range(MAX_ROWS)]
    parts = list(chunks(rows, MAX_ROWS, MAX_ROW_BYTES))
    assert len(parts) == 2
    assert [client.import_profiles(part, None).total for part in parts] == [len(part) for part in parts]
