from __future__ import annotations

import pytest

from tests.support.emulator_api import (
    DELETE,
    EVENTS,
    SUBSCRIBE,
    Api,
    bulk_body,
    deletion_body,
    entry,
    event,
    events_body,
    first_error,
    pointers,
    row,
    subscribed,
)

PROFILE = "/data/attributes/profile/data"
PHONE = "+12025550123"


@pytest.fixture
def ada(api: Api) -> str:
    """The id of a person with a membership, consents and an event, as somebody else has too."""
    list_id = api.make_list(opt_in_process="single_opt_in")
    rows = [subscribed("a@example.com", PHONE), subscribed("b@example.com")]
    api.post(SUBSCRIBE, bulk_body(SUBSCRIBE, rows, list_id))
    entries = [entry(row(email=f"{name}@example.com"), event(unique_id=name)) for name in "ab"]
    api.post(EVENTS, events_body(*entries))
    person = api.person("a@example.com")
    assert person is not None
    return str(person["id"])


@pytest.mark.parametrize("by", ["email", "phone_number", "id"])
def test_a_person_is_deleted_by_any_identifier_with_everything_about_them(api: Api, ada: str, by: str) -> None:
    body = {"email": deletion_body(email="A@example.com"), "phone_number": deletion_body(phone_number=PHONE)}
    answer = api.post(DELETE, body.get(by, deletion_body(ada)))
    assert (answer.status_code, answer.content) == (202, b"")
    assert "Content-Type" not in answer.headers
    assert answer.headers["RateLimit-Limit"] == "3, 3;w=1, 60;w=60"
    assert [api.person(identifier) for identifier in ("a@example.com", PHONE, ada)] == [None, None, None]
    assert (api.members(), api.events()) == (["b@example.com"], ["b"])
    assert api.get(f"/api/profiles/{ada}").status_code == 404


def test_who_comes_back_is_a_new_person_without_consent(api: Api, ada: str) -> None:
    api.post(DELETE, deletion_body(ada))
    api.start_import([row(email="a@example.com", phone_number=PHONE)])
    person = api.person("a@example.com")
    assert person is not None
    assert person["id"] != ada
    assert api.consent("a@example.com") == "NEVER_SUBSCRIBED"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (deletion_body(email="new@example.com"), 'No profile with email "new@example.com" found.'),
        (deletion_body(phone_number="+12025550199"), 'No profile with phone_number "+12025550199" found.'),
        (deletion_body("01X"), 'No profile with id "01X" found.'),
    ],
)
def test_an_unknown_person_is_404_in_klaviyos_words(api: Api, ada: str, body: object, detail: str) -> None:
    answer = api.post(DELETE, body)
    assert answer.status_code == 404
    assert first_error(answer)["detail"] == f"{detail}  The profile may have already been deleted."


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (deletion_body(), PROFILE),
        (deletion_body(email="a@example.com", phone_number=PHONE), PROFILE),
        (deletion_body("01X", email="a@example.com"), PROFILE),
        (deletion_body(external_id="x"), f"{PROFILE}/attributes/external_id"),
        (deletion_body(email="nope"), f"{PROFILE}/attributes/email"),
        ({"data": {"type": "data-privacy-deletion-job", "attributes": {}}}, "/data/attributes/profile"),
        ({"data": {"type": "data-privacy-deletion-job"}}, "/data/attributes"),
    ],
)
def test_exactly_one_good_identifier_is_wanted(api: Api, ada: str, body: object, pointer: str) -> None:
    answer = api.post(DELETE, body)
    assert (answer.status_code, pointers(answer)) == (400, [pointer])
    assert api.person("a@example.com") is not None


def test_an_id_must_be_text_and_attributes_must_be_there(api: Api, ada: str) -> None:
    body = deletion_body(ada)
    profile = body["data"]["attributes"]["profile"]["data"]
    profile["id"] = 7
    assert pointers(api.post(DELETE, body)) == [f"{PROFILE}/id"]
    profile["id"] = ada
    del profile["attributes"]
    assert pointers(api.post(DELETE, body)) == [f"{PROFILE}/attributes"]


def test_a_deletion_takes_its_time_and_may_be_asked_for_twice_meanwhile(api: Api, ada: str) -> None:
    api.control("jobs", {"seconds": 60})
    assert [api.post(DELETE, deletion_body(ada)).status_code for _ in range(2)] == [202, 202]
    assert api.person("a@example.com") is not None
    api.control("jobs", {"seconds": 0})
    assert api.person("a@example.com") is None
