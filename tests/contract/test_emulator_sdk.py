"""The official SDK as the judge of the emulator: its calls must work and its models must read every answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from klaviyo_api import KlaviyoAPI
from openapi_client.exceptions import ApiException

from tests.support.emulator_api import import_body, references, row


def make_list(sdk: Any, name: str = "VIP") -> str:
    return str(sdk.Lists.create_list({"data": {"type": "list", "attributes": {"name": name}}}).data.id)


def refusal(call: Any, *arguments: Any, **named: Any) -> ApiException:
    with pytest.raises(ApiException) as refused:
        call(*arguments, **named)
    return refused.value


def cursor_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["page[cursor]"][0]


def test_the_account_is_read(sdk: Any) -> None:
    (account,) = sdk.Accounts.get_accounts().data
    assert account.attributes.test_account is True


def test_lists_are_made_found_read_and_deleted(sdk: Any) -> None:
    list_id = make_list(sdk, "VIP-list")
    assert [item.id for item in sdk.Lists.get_lists(filter='equals(name,"VIP-list")').data] == [list_id]
    assert sdk.Lists.get_list(list_id).data.attributes.opt_in_process == "double_opt_in"
    sdk.Lists.delete_list(list_id)
    assert refusal(sdk.Lists.get_list, list_id).status == 404


def test_lists_are_paged_by_the_cursor_of_the_next_link(sdk: Any) -> None:
    made = {make_list(sdk, f"L{n}") for n in range(12)}
    first = sdk.Lists.get_lists(page_size=10)
    second = sdk.Lists.get_lists(page_size=10, page_cursor=cursor_of(first.links.next))
    assert {item.id for item in (*first.data, *second.data)} == made
    assert second.links.next is None


def test_an_import_is_followed_to_its_members_and_its_errors(sdk: Any) -> None:
    list_id = make_list(sdk)
    rows = [row(email="a@example.com", location={"city": "Oslo"}, properties={"n": 1}), row(email="fail+x@example.com")]
    accepted = sdk.Profiles.bulk_import_profiles(import_body(rows, list_id)).data
    assert (accepted.attributes.status, accepted.attributes.total_count) == ("queued", 2)
    assert [item.id for item in accepted.relationships.lists.data] == [list_id]
    job = sdk.Profiles.get_bulk_import_profiles_job(accepted.id, include=["lists"])
    assert (job.data.attributes.status, job.data.attributes.failed_count) == ("complete", 1)
    assert [item.id for item in job.included] == [list_id]
    (error,) = sdk.Profiles.get_errors_for_bulk_import_profiles_job(accepted.id, page_size=100).data
    assert (error.attributes.code, error.attributes.original_payload) == ("x", {"email": "fail+x@example.com"})
    (member,) = sdk.Lists.get_profiles_for_list(list_id).data
    assert (member.attributes.location.city, member.attributes.properties) == ("Oslo", {"n": 1})
    listed = sdk.Profiles.get_bulk_import_profiles_jobs(filter='equals(status,"complete")').data
    assert [item.id for item in listed] == [accepted.id]


def test_those_whom_an_import_wrote_are_read_with_its_lists_and_theirs(sdk: Any) -> None:
    list_id = make_list(sdk)
    job_id = sdk.Profiles.bulk_import_profiles(
        import_body([row(email="a@example.com", external_id="7")], list_id)
    ).data.id
    (person,) = sdk.Profiles.get_profiles_for_bulk_import_profiles_job(job_id, page_size=100).data
    assert (person.attributes.email, person.attributes.external_id) == ("a@example.com", "7")
    assert [item.id for item in sdk.Profiles.get_profile_ids_for_bulk_import_profiles_job(job_id).data] == [person.id]
    assert [item.attributes.name for item in sdk.Profiles.get_list_for_bulk_import_profiles_job(job_id).data] == ["VIP"]
    assert [item.attributes.name for item in sdk.Profiles.get_lists_for_profile(person.id).data] == ["VIP"]
    for call, subject in (
        (sdk.Profiles.get_list_ids_for_bulk_import_profiles_job, job_id),
        (sdk.Profiles.get_list_ids_for_profile, person.id),
    ):
        assert [item.id for item in call(subject).data] == [list_id]
        assert refusal(call, "nobody").status == 404


def test_those_whom_an_import_wrote_are_paged_by_the_cursor_of_the_next_link(sdk: Any) -> None:
    job_id = sdk.Profiles.bulk_import_profiles(import_body([row(email=f"p{n}@example.com") for n in range(25)])).data.id
    first = sdk.Profiles.get_profiles_for_bulk_import_profiles_job(job_id)
    cursor = cursor_of(first.links.next)
    second = sdk.Profiles.get_profiles_for_bulk_import_profiles_job(job_id, page_cursor=cursor)
    assert len({item.id for item in (*first.data, *second.data)}) == 25
    assert second.links.next is None


def test_profiles_and_members_are_looked_up_by_any_identifier(sdk: Any) -> None:
    list_id = make_list(sdk)
    who = {"email": "a+b@example.com", "phone_number": "+12025550123", "external_id": "c-7"}
    sdk.Profiles.bulk_import_profiles(import_body([row(**who), row(email="other@example.com")], list_id))
    for field, value in who.items():
        (found,) = sdk.Profiles.get_profiles(filter=f'any({field},["{value}","nobody"])').data
        assert found.attributes.email == who["email"]
        assert [p.id for p in sdk.Profiles.get_profiles(filter=f'any(id,["{found.id}"])').data] == [found.id]
        if field != "external_id":
            members = sdk.Lists.get_profiles_for_list(list_id, filter=f'any({field},["{value}"])').data
            assert [member.id for member in members] == [found.id]


def test_a_refused_import_names_its_rows(sdk: Any) -> None:
    error = refusal(sdk.Profiles.bulk_import_profiles, import_body([row(email="a@example.com"), row(email="x")]))
    assert error.status == 400
    assert "/data/attributes/profiles/data/1/attributes/email" in str(error.body)


def test_members_are_added_looked_up_and_removed(sdk: Any) -> None:
    list_id = make_list(sdk)
    ada = sdk.Profiles.create_profile({"data": row(email="a@example.com")}).data.id
    sdk.Lists.add_profiles_to_list(list_id, references(ada))
    looked_up = sdk.Lists.get_profile_ids_for_list(list_id, filter='any(email,["a@example.com"])', page_size=100)
    assert [item.id for item in looked_up.data] == [ada]
    sdk.Lists.remove_profiles_from_list(list_id, references(ada))
    assert sdk.Lists.get_profile_ids_for_list(list_id).data == []
    assert refusal(sdk.Lists.add_profiles_to_list, list_id, references("nope")).status == 400


def test_profiles_are_made_found_changed_and_upserted(sdk: Any) -> None:
    ada = sdk.Profiles.create_profile({"data": row(email="a@example.com", title="Dr")}).data.id
    assert [p.id for p in sdk.Profiles.get_profiles(filter='equals(email,"a@example.com")').data] == [ada]
    change = {"data": {"type": "profile", "id": ada, "attributes": {"first_name": "Ada"}}}
    assert sdk.Profiles.update_profile(ada, change).data.attributes.first_name == "Ada"
    upserted = sdk.Profiles.create_or_update_profile({"data": row(email="A@example.com", last_name="L")}).data
    assert (upserted.id, upserted.attributes.first_name, upserted.attributes.last_name) == (ada, "Ada", "L")
    assert sdk.Profiles.get_profile(ada).data.attributes.title == "Dr"
    twice = refusal(sdk.Profiles.create_profile, {"data": row(email="a@example.com")})
    assert twice.status == 409
    assert ada in str(twice.body)


def test_a_key_that_is_none_is_refused(url: str) -> None:
    client = KlaviyoAPI("nope", max_retries=1, test_host=url)
    assert refusal(client.Lists.get_lists).status == 401
    client.api_client.rest_client.pool_manager.clear()
