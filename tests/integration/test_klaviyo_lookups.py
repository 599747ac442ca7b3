"""Looking people up, against the emulator."""

from __future__ import annotations

import pytest

from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted
from klaviyo.lookups import by_value
from klaviyo.outcomes import Gone
from tests.support.client import encoded, finished, people
from tests.support.emulator_api import DELETE, SUBSCRIBE, Api, bulk_body, deletion_body, subscribed

PHONE, OTHER_PHONE = "+12025550123", "+12025550124"
#: What a filter's grammar means something by, in addresses that an e-mail may have.
ODD = ["a+b@example.com", "o'hara@example.com", "x=y&z@example.com", "100%25@example.com", "#1{|}@example.com"]


def test_people_are_found_by_every_identifier_and_by_their_id(client: Klaviyo) -> None:
    finished(client, client.import_profiles([*people(250), encoded(email="x@example.com", phone_number=PHONE)], None))
    by_email = client.find_profiles("email", [f"P+{number}@example.com" for number in range(300)])
    assert len(by_email) == len({found.id for found in by_email}) == 250
    (seven,) = client.find_profiles("external_id", ["c-7", "C-7", "c-999"])
    assert seven in by_email
    assert client.find_profiles("id", [seven.id, "nobody"]) == [seven]
    (with_phone,) = client.find_profiles("phone_number", [PHONE, OTHER_PHONE])
    assert (with_phone.email, with_phone.external_id) == ("x@example.com", None)


def test_members_are_found_by_address_and_nobody_else(client: Klaviyo) -> None:
    on_list, elsewhere = client.create_list("VIP"), client.create_list("Other")
    rows = [encoded(email="a@example.com", external_id="c-1"), encoded(email="b@example.com", phone_number=PHONE)]
    finished(client, client.import_profiles(rows, on_list))
    finished(client, client.import_profiles([encoded(email="c@example.com")], elsewhere))
    asked = [f"{name}@example.com" for name in "abcd"]
    found = by_value(client.find_members(on_list, "email", asked), "email", asked)
    assert {address: (each.external_id, each.phone_number) for address, each in found.items()} == {
        "a@example.com": ("c-1", None),
        "b@example.com": (None, PHONE),
    }
    assert client.find_members(on_list, "phone_number", [PHONE]) == [found["b@example.com"]]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_address_finds_its_profile_and_no_other(client: Klaviyo, odd: str) -> None:
    made = client.create_list("VIP")
    finished(client, client.import_profiles([encoded(email=address) for address in ODD], made))
    assert [found.email for found in client.find_profiles("email", [odd])] == [odd]
    assert [found.email for found in client.find_members(made, "email", [odd])] == [odd]


@pytest.mark.parametrize("odd", ['say "hi"', "back\\slash", "a,b)(c]", " ", "überall", "'"])
def test_an_odd_external_id_finds_its_profile_and_no_other(client: Klaviyo, odd: str) -> None:
    everybody = [encoded(email=f"p{number}@example.com", external_id=f"{odd}{number}") for number in range(3)]
    finished(client, client.import_profiles(everybody, None))
    assert [found.email for found in client.find_profiles("external_id", [f"{odd}1"])] == ["p1@example.com"]


def test_consent_by_sms_is_found_where_it_is_asked_for(client: Klaviyo, api: Api) -> None:
    rows = [subscribed("yes@example.com", PHONE), subscribed("mail-only@example.com")]
    api.post(SUBSCRIBE, bulk_body(SUBSCRIBE, rows, api.make_list(opt_in_process="single_opt_in")))
    asked = ["yes@example.com", "mail-only@example.com"]
    told = {found.email: found.sms_consent for found in client.find_profiles("email", asked, consents=True)}
    assert told == {"yes@example.com": True, "mail-only@example.com": False}
    assert not any(found.sms_consent for found in client.find_profiles("email", asked))


def test_those_whom_an_import_wrote_are_told_as_they_are_now(client: Klaviyo, api: Api) -> None:
    rows = [*people(150), encoded(email="fail+x@example.com"), encoded(email="P+0@example.com")]
    job = finished(client, client.import_profiles(rows, None))
    found = list(client.imported_profiles(job.id))
    assert sorted(str(each.external_id) for each in found) == sorted(f"c-{number}" for number in range(150))
    api.post(DELETE, deletion_body(found[0].id))
    assert [each.id for each in client.imported_profiles(job.id)] == [each.id for each in found[1:]]
    with pytest.raises(NotAccepted) as refusal:
        list(client.imported_profiles("no-such-job"))
    assert isinstance(refusal.value.outcome, Gone)


def test_the_lists_of_a_person_are_told_until_klaviyo_knows_the_profile_no_more(client: Klaviyo, api: Api) -> None:
    lists = [client.create_list(name) for name in ("A", "B")]
    for list_id in lists:
        finished(client, client.import_profiles([encoded(external_id="c-1")], list_id))
    (found,) = client.find_profiles("external_id", ["c-1"])
    assert client.lists_of(found.id) == lists
    client.remove_members(lists[0], [found.id])
    client.remove_members(lists[1], [found.id])
    assert client.lists_of(found.id) == []
    client.delete_person("id", found.id)
    assert client.lists_of(found.id) is None


def test_fields_are_emptied_by_id_and_the_identifiers_stay(client: Klaviyo, api: Api) -> None:
    mine = api.make_profile(email="a@example.com", external_id="c-1", first_name="Ann", location={"city": "Oslo"})
    client.clear_fields({"id": mine}, ["first_name", "location.city"])
    person = api.person("a@example.com")
    assert person is not None
    assert (person["id"], person["external_id"]) == (mine, "c-1")
    assert "first_name" not in person
    assert "city" not in person["location"]
    with pytest.raises(NotAccepted) as refusal:
        client.clear_fields({"id": "01HNOBODYNOBODYNOBODYNOBOD"}, ["first_name"])
    assert isinstance(refusal.value.outcome, Gone)


@pytest.mark.parametrize("name", ["email", "external_id"])
def test_fields_are_emptied_by_one_identifier(client: Klaviyo, api: Api, name: str) -> None:
    api.make_profile(email="a@example.com", external_id="c-1", first_name="Ann", title="Dr")
    client.clear_fields({name: {"email": "A@example.com", "external_id": "c-1"}[name]}, ["title"])
    person = api.person("c-1")
    assert person is not None
    assert person["first_name"] == "Ann"
    assert "title" not in person
