"""The bodies the emulator takes are the bodies of the official SDK's models: nothing missing, nothing unknown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.client import OpenLimiter, asked, client_of
from tests.support.emulator_api import IMPORTS, Api, import_body, references, row
from tests.support.emulator_bodies import UPSERT, problems
from tests.support.sdk_models import through, without_nulls

FULL_ROW = {
    **row(
        email="ada@example.com",
        phone_number="+15005550006",
        external_id="7",
        first_name="Ada",
        last_name="Lovelace",
        organization="Analytical",
        locale="en-GB",
        title="Countess",
        image="https://example.com/ada.png",
        location={"address1": "1 St", "city": "London", "latitude": 51.5, "longitude": "0.1", "timezone": "UTC"},
        properties={"list": ["a"], "n": 1, "nest": {"deep": True}},
    ),
    "meta": {"patch_properties": {"append": {"skus": "1"}, "unappend": {"skus": ["2"]}, "unset": ["old"]}},
}
CREATE_ROW = {name: value for name, value in FULL_ROW.items() if name != "meta"}
LIST = {"data": {"type": "list", "attributes": {"name": "VIP", "opt_in_process": "single_opt_in"}}}


@pytest.mark.parametrize(
    ("model", "path", "body", "status"),
    [
        ("ListCreateQuery", "/api/lists", LIST, 201),
        ("ProfileImportJobCreateQuery", IMPORTS, import_body([FULL_ROW]), 202),
        ("ProfileUpsertQuery", "/api/profile-import", {"data": FULL_ROW}, 200),
        ("ProfileCreateQuery", "/api/profiles", {"data": CREATE_ROW}, 409),
    ],
)
def test_what_the_model_takes_whole_the_emulator_takes(
    api: Api, model: str, path: str, body: dict[str, Any], status: int
) -> None:
    api.start_import([row(email="ada@example.com")])
    assert without_nulls(through(model, body)) == body
    assert api.post(path, body).status_code == status


def test_what_empties_fields_by_the_id_of_a_profile_is_a_body_of_the_model(api: Api) -> None:
    ada = api.make_profile(email="ada@example.com", first_name="Ada", location={"city": "London", "zip": "N1"})
    with client_of(api, OpenLimiter()) as client:
        client.clear_fields({"id": ada}, ["first_name", "location.city"])
    sent = asked(api)[-1]["body"]["data"]
    known = through("ProfilePartialUpdateQuery", {"data": sent})["data"]
    assert (known["type"], known["id"]) == ("profile", ada)
    # The model lets go of what it does not know.
    assert sent["attributes"].keys() <= known["attributes"].keys()
    assert sent["attributes"]["location"].keys() <= known["attributes"]["location"].keys()
    person = api.person("ada@example.com")
    assert person is not None
    assert ("first_name" in person, person["location"]) == (False, {"zip": "N1"})


@pytest.mark.parametrize("model", ["ListMembersAddQuery", "ListMembersDeleteQuery"])
def test_membership_bodies_are_those_of_the_models(model: str) -> None:
    body = references("01X", "01Y")
    assert without_nulls(through(model, body)) == body


@settings(max_examples=100)
@given(
    st.fixed_dictionaries(
        {"email": st.sampled_from(["a@example.com", "b+c@example.co.uk"])},
        optional={
            **dict.fromkeys(("first_name", "title", "external_id"), st.none() | st.text(max_size=5)),
            "location": st.dictionaries(st.sampled_from(["city", "zip"]), st.text(max_size=5)),
            "properties": st.dictionaries(st.text(min_size=1, max_size=5), st.integers() | st.lists(st.booleans())),
        },
    )
)
def test_whatever_the_model_takes_has_no_problems(attributes: dict[str, Any]) -> None:
    data = through("ProfileUpsertQuery", {"data": row(**attributes)})["data"]
    assert problems(UPSERT, data) == []
