from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest
import requests

from tests.support.emulator_api import EVENT, EVENTS, Api, entry, event, events_body, first_error, pointers, row

ENTRIES = "/data/attributes/events-bulk-create/data"
ADA, BOB = row(email="a@example.com"), row(email="b@example.com")


def send(api: Api, *entries: dict[str, Any]) -> requests.Response:
    return api.post(EVENTS, events_body(*entries))


def single(api: Api, profile: dict[str, Any], **attributes: object) -> requests.Response:
    return api.post(EVENT, {"data": event(profile={"data": profile}, **attributes)})


def test_several_people_each_with_several_events_are_recorded_and_made_profiles(api: Api) -> None:
    answer = send(
        api,
        entry(
            row(email="a@example.com", first_name="Ada"), event("Bought", unique_id="1"), event("Seen", unique_id="2")
        ),
        entry(BOB, event("Bought", unique_id="3", value=9.5, value_currency="USD", properties={"n": [1]})),
    )
    assert (answer.status_code, answer.content) == (202, b"")
    assert "Content-Type" not in answer.headers
    assert answer.headers["RateLimit-Limit"] == "10, 10;w=1, 150;w=60"
    person = api.person("a@example.com")
    assert person is not None
    assert (person["first_name"], person["lists"]) == ("Ada", [])
    assert api.consent("a@example.com") == "NEVER_SUBSCRIBED"
    assert api.events() == ["1", "2", "3"]
    assert api.events(metric="Seen") == ["2"]
    found = api.events(full="1")[2]
    assert (found["metric"], found["profile"]) == ("Bought", "b@example.com")
    assert (found["value"], found["value_currency"], found["properties"]) == (9.5, "USD", {"n": [1]})


def test_a_single_event_updates_its_profile_and_the_date_of_the_last(api: Api) -> None:
    known = api.make_profile(email="a@example.com", title="Dr")
    profile = {**row(email="a@example.com", first_name="Ada"), "meta": {"patch_properties": {"append": {"skus": "1"}}}}
    answer = single(api, profile, unique_id="1", time="2022-11-08T00:00:00.987Z")
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["RateLimit-Limit"] == "350, 350;w=1, 3500;w=60"
    attributes = api.get(f"/api/profiles/{known}").json()["data"]["attributes"]
    assert (attributes["first_name"], attributes["title"]) == ("Ada", "Dr")
    assert attributes["properties"] == {"skus": ["1"]}
    assert attributes["last_event_date"] == api.events(full="1")[0]["time"] == "2022-11-08T00:00:00+00:00"


def test_an_older_event_that_comes_later_is_not_the_last(api: Api) -> None:
    for day in ("08", "07"):
        single(api, ADA, time=f"2022-11-{day}T00:00:00Z")
    (person,) = api.get("/api/profiles").json()["data"]
    assert person["attributes"]["last_event_date"] == "2022-11-08T00:00:00+00:00"


def test_a_unique_id_counts_once_for_each_person_and_metric_and_the_first_wins(api: Api) -> None:
    for value in (1, 2):
        assert single(api, ADA, unique_id="1", value=value).status_code == 202
        assert send(api, entry(ADA, event("Seen", unique_id="1", value=value))).status_code == 202
        assert send(api, entry(BOB, event(unique_id="1", value=value))).status_code == 202
    found = [(item["profile"], item["metric"], item["value"]) for item in api.events(full="1")]
    assert found == [("a@example.com", "Bought", 1), ("a@example.com", "Seen", 1), ("b@example.com", "Bought", 1)]


def test_without_a_unique_id_a_person_has_one_event_of_a_metric_in_a_second(api: Api) -> None:
    times = ("2022-11-08T00:00:00.100Z", "2022-11-08T00:00:00.900Z", "2022-11-08T00:00:01Z")
    assert send(api, entry(ADA, *(event(time=moment) for moment in times))).status_code == 202
    assert len(api.events()) == 2


def test_the_time_is_now_by_default(api: Api) -> None:
    before = int(time.time())
    single(api, ADA)
    moment = datetime.fromisoformat(api.events(full="1")[0]["time"]).timestamp()
    assert before <= moment <= time.time()


def test_a_unique_id_that_stands_twice_in_a_call_fails_it_whole(api: Api) -> None:
    twice = send(
        api,
        entry(ADA, event(unique_id="1"), event("Seen", unique_id="1")),
        entry(row(email="A@example.com"), event(unique_id="2"), event(unique_id="1")),
    )
    where = f"{ENTRIES}/1/attributes/events/data/1/attributes/unique_id"
    assert (twice.status_code, pointers(twice)) == (400, [where])
    assert api.events() == []


def test_one_bad_event_refuses_them_all_and_every_problem_is_named(api: Api) -> None:
    odd = {**entry(BOB, event()), "type": "event"}
    extra = entry(ADA, event())
    extra["attributes"] |= {"colour": "red", "backfill": "yes"}
    answer = send(
        api,
        entry(ADA, event(unique_id="1")),
        entry(ADA, event(), event(time="yesterday"), event(properties={"essay": "x" * 100_001})),
        entry(row(email="nope"), event()),
        entry(BOB),
        odd,
        extra,
    )
    assert answer.status_code == 400
    assert pointers(answer) == [
        f"{ENTRIES}/1/attributes/events/data/1/attributes/time",
        f"{ENTRIES}/1/attributes/events/data/2/attributes/properties/essay",
        f"{ENTRIES}/2/attributes/profile/data/attributes/email",
        f"{ENTRIES}/3/attributes/events/data",
        f"{ENTRIES}/4/type",
        f"{ENTRIES}/5/attributes/colour",
        f"{ENTRIES}/5/attributes/backfill",
    ]
    assert api.events() == []
    assert api.get("/api/profiles").json()["data"] == []


def test_a_bad_single_event_is_400_with_its_pointer(api: Api) -> None:
    answer = single(api, row(email="nope"), value="x")
    assert pointers(answer) == ["/data/attributes/profile/data/attributes/email", "/data/attributes/value"]
    assert pointers(api.post(EVENT, {"data": {"type": "event"}})) == ["/data/attributes"]


def test_a_thousand_events_are_taken_and_one_more_is_not(api: Api) -> None:
    events = [event(unique_id=str(n)) for n in range(1_001)]
    answer = send(api, entry(ADA, *events[:500]), entry(BOB, *events[500:]))
    assert (answer.status_code, pointers(answer)) == (400, [ENTRIES])
    assert send(api, entry(ADA, *events[:500]), entry(BOB, *events[501:])).status_code == 202
    assert len(api.events()) == 1_000


def test_a_body_over_5_megabytes_is_413(api: Api) -> None:
    events = [event(unique_id=str(n), properties={"essay": "x" * 50_000}) for n in range(100)]
    answer = send(api, entry(ADA, *events))
    assert (answer.status_code, first_error(answer)["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        (None, "/data/attributes"),
        ({}, "/data/attributes/events-bulk-create"),
        ({"events-bulk-create": None}, "/data/attributes/events-bulk-create"),
        ({"events-bulk-create": {}}, ENTRIES),
        ({"events-bulk-create": {"data": []}}, ENTRIES),
    ],
)
def test_a_body_of_another_shape_is_400(api: Api, attributes: object, pointer: str) -> None:
    answer = api.post(EVENTS, {"data": {"type": "event-bulk-create-job", "attributes": attributes}})
    assert (answer.status_code, pointers(answer)) == (400, [pointer])


def test_backfill_of_the_entry_counts_for_its_events_that_do_not_say_otherwise(api: Api) -> None:
    filled = entry(ADA, event(unique_id="1"), event(unique_id="2", backfill=False))
    filled["attributes"]["backfill"] = True
    send(api, filled, entry(ADA, event(unique_id="3")))
    assert [item["backfill"] for item in api.events(full="1")] == [True, False, False]


def test_an_anonymous_person_is_known_later_by_the_address(api: Api) -> None:
    single(api, row(anonymous_id="anon"), unique_id="1")
    single(api, row(anonymous_id="anon", email="a@example.com"), unique_id="2")
    assert len(api.get("/api/profiles").json()["data"]) == 1
    assert [item["profile"] for item in api.events(full="1")] == ["a@example.com", "a@example.com"]


def test_an_identifier_of_somebody_else_stays_with_them(api: Api) -> None:
    api.make_profile(email="a@example.com")
    api.make_profile(external_id="b")
    single(api, row(email="a@example.com", external_id="b"), unique_id="1")
    (found,) = api.events(full="1")
    assert found["profile"] == "b"
    assert len(api.get("/api/profiles").json()["data"]) == 2


def test_an_event_for_an_id_nobody_has_is_lost_without_a_word(api: Api) -> None:
    assert single(api, {**ADA, "id": "01X"}).status_code == 202
    assert api.events() == []


def test_events_take_the_time_of_a_job(api: Api) -> None:
    api.control("jobs", {"seconds": 60})
    single(api, ADA)
    assert api.events() == []
    api.control("jobs", {"seconds": 0})
    assert len(api.events()) == 1
