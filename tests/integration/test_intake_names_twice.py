"""A name that stands twice is refused at any depth and on every address, with its place: parsers keep either value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from redis import Redis

from queues import dead_letters
from queues.census import take_census
from queues.connections import accounts
from queues.connections.accounts import Cipher
from queues.names import Queue
from tests.support.intake import Intake
from tests.support.posted import SECRET
from tests.support.traps import CHANGES, MPARTICLE, QUEUE, check_refused, message, stored

SEGMENT = "/v1/segment"
CAMPAIGNS = "/v1/campaigns"
UNREADABLE = Queue("default", "audience", "unreadable")
SUBSCRIPTION = (
    '{"type":"audience_subscription_request","audience_id":1,"audience_name":"","audience_subscription_settings":%s}'
)
MEMBERSHIP = '{"type":"audience_membership_change_request","user_profiles":[%s]}'


def details(redis: Redis, queue: Queue) -> list[str]:
    return [letter.detail["detail"] for letter in dead_letters.read(redis, queue)]


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        (CHANGES, '{"changes":[],"audience":{"id":1},"audience":{"id":2}}', "$.audience"),
        (CHANGES, '{"changes":[],"audience":{"id":1,"id":2}}', "$.audience.id"),
        (CHANGES, '{"changes":[],"x":[{"y":1,"y":2}]}', "$.x[0].y"),
        (CHANGES, '{"changes":[{"action":"add"}],"chang\\u0065s":[],"audience":{"id":1}}', "$.changes"),
        (MPARTICLE, '{"type":"event_processing_request","type":"event_processing_request"}', "$.type"),
        (MPARTICLE, '{"type":"audience_membership_change_request","id":"a","id":"b"}', "$.id"),
        (MPARTICLE, (MEMBERSHIP % "{}")[:-1] + ',"user_profiles":[]}', "$.user_profiles"),
        (
            MPARTICLE,
            '{"type":"audience_subscription_request","audience_id":1,"audience_id":2,"audience_name":""}',
            "$.audience_id",
        ),
        (
            MPARTICLE,
            SUBSCRIPTION % '{"listId":"A","listId":"B"}',
            "$.audience_subscription_settings.listId",
        ),
        (
            MPARTICLE,
            '{"type":"event_processing_request","user_identities":[{"type":"email","value":"a@x.co","value":"b@x.co"}]}',
            "$.user_identities[0].value",
        ),
        (
            MPARTICLE,
            '{"type":"event_processing_request","consent_state":{"gdpr":{"a":{"consented":true,"consented":0}}}}',
            "$.consent_state.gdpr.a.consented",
        ),
        (
            MPARTICLE,
            '{"type":"dsr_processing_request","subject_identities":{"email":{"value":"a@x.co","value":"b@x.co"}}}',
            "$.subject_identities.email.value",
        ),
        (SEGMENT, '{"batch":[],"batch":[]}', "$.batch"),
        (SEGMENT, '{"batch":[],"context":{"traits":{"email":"a@x.co","email":"b@x.co"}}}', "$.context.traits.email"),
        (CAMPAIGNS, '{"name":"x","groups":[{"name":"A","members":[],"name":"B"}]}', "$.groups[0].name"),
        (
            CAMPAIGNS,
            '{"name":"x","groups":[{"name":"A","members":[{"email":"a@x.co","e\\u006dail":"b@x.co"}]}]}',
            "$.groups[0].members[0].email",
        ),
        (
            CAMPAIGNS,
            '{"name":"x","groups":[{"name":"A","members":[]}],"exclusions":[{"a":{"b":[{"c":1,"c":2}]}}]}',
            "$.exclusions[0].a.b[0].c",
        ),
    ],
)
def test_a_message_that_has_a_name_twice_is_refused(
    steady: Intake, redis: Redis, path: str, body: str, name: str
) -> None:
    check_refused(steady, redis, path, body.encode(), f"{name}: appears twice")


@pytest.mark.parametrize(
    ("account", "name"),
    [
        ('{"account_id":1,"account_id":2}', "$.account.account_id"),
        ('{"account_settings":{},"account_settings":{"apiKey":"pk_b"}}', "$.account.account_settings"),
        ('{"account_settings":{"apiKey":"pk_a","apiKey":"pk_b"}}', "$.account.account_settings.apiKey"),
    ],
)
def test_an_account_that_has_a_name_twice_is_refused_and_neither_key_kept(
    steady: Intake, redis: Redis, account: str, name: str
) -> None:
    body = message(MPARTICLE, b"1", b"1").replace(b'"x":1', b'"account":' + account.encode())
    check_refused(steady, redis, MPARTICLE, body, f"{name}: appears twice")
    assert accounts.recall(redis, "default", Cipher([SECRET])) is None


@pytest.mark.parametrize(
    ("member", "place"),
    [
        ('"action":"remove"', ".action"),
        ('"email":"b@example.com"', ".email"),
        ('"timestamp":100000000001', ".timestamp"),
        ('"attributes":{"k":1,"k":2}', ".attributes.k"),
        ('"attributes":{"k":[{"l":1},{"l":1,"l":2}]}', ".attributes.k[1].l"),
        ('"audience":{"id":"7","id":"42"}', ".audience.id"),
        ('"consent_state":{"gdpr":{"a":{"consented":true,"consented":false}}}', ".consent_state.gdpr.a.consented"),
        ('"unknown":{"k":1,"k":2}', ".unknown.k"),
    ],
)
@pytest.mark.parametrize("lines", [False, True])
def test_a_change_that_has_a_name_twice_is_rejected_and_the_others_go_through(
    steady: Intake, redis: Redis, member: str, place: str, lines: bool
) -> None:
    sound = '{"action":"add","email":"a@example.com","timestamp":100000000000}'
    twice = sound[:-1] + "," + member + "}"
    if lines:
        body = f"{sound}\n\n{twice}\n"
        response = steady.post(CHANGES + "?audience=42", body, Content_Type="application/x-ndjson")
        where = f"line 3{place}"
    else:
        response = steady.post(CHANGES, f'{{"audience":{{"id":"42"}},"changes":[{sound},{twice}]}}')
        where = f"$.changes[1]{place}"
    answer = response.json()
    assert (response.status_code, answer["accepted"]) == (202, 1)
    (rejected,) = answer["rejected"]
    assert (rejected["index"], rejected["reason"]) == (1, "malformed")
    assert rejected["where"].startswith(f"{where}: appears twice")
    assert len(stored(redis)) == 1


def test_a_change_that_names_two_audiences_is_kept_for_neither(steady: Intake, redis: Redis) -> None:
    posted = '{"changes":[{"action":"add","email":"a@example.com","audience":{"id":"7","id":"42"}}]}'
    assert steady.post(CHANGES, posted).json()["accepted"] == 0
    assert [count.queue for count in take_census(redis).queues] == [UNREADABLE]


def person(name: str, more: str = "") -> str:
    return f'"user_identities":[{{"type":"email","encoding":"raw","value":"{name}@example.com"{more}}}]'


def joins(more: str = "") -> str:
    return f'"audiences":[{{"audience_id":42,"action":"add"{more}}}]'


@pytest.mark.parametrize(
    ("profile", "place"),
    [
        (person("b", ',"value":"c@example.com"') + f",{joins()}", ".user_identities[0].value"),
        (f'{person("b")},{joins()},"mpid":"1","mpid":"2"', ".mpid"),
        (f'{person("b")},"audiences":[],{joins()}', ".audiences"),
        (f"{person('b')}," + joins(',"action":"delete"'), ".audiences[0].action"),
        (f"{person('b')}," + joins(',"user_attributes":[{"k":1,"k":2}]'), ".audiences[0].user_attributes[0].k"),
    ],
)
def test_a_profile_that_has_a_name_twice_is_a_dead_letter_and_the_others_go_through(
    steady: Intake, redis: Redis, profile: str, place: str
) -> None:
    sound = f"{{{person('a')},{joins()}}}"
    assert steady.post(MPARTICLE, MEMBERSHIP % f"{sound},{{{profile}}}").status_code == 202
    assert len(stored(redis)) == 1
    (detail,) = details(redis, QUEUE)
    assert detail.startswith(f"$.user_profiles[1]{place}: appears twice")


def test_of_a_persons_audiences_only_the_one_with_a_name_twice_is_a_dead_letter(steady: Intake, redis: Redis) -> None:
    audiences = '{"audience_id":42,"action":"add"},{"audience_id":7,"audience_id":42,"action":"add"}'
    steady.post(MPARTICLE, MEMBERSHIP % f'{{{person("a")},"audiences":[{audiences}]}}')
    assert len(stored(redis)) == 1
    (detail,) = details(redis, UNREADABLE)
    assert detail.startswith("$.user_profiles[0].audiences[1].audience_id: appears twice")


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ('"userId":"1","userId":"2"', ".userId"),
        ('"userId":"1","traits":{"email":"a@example.com","email":"b@example.com"}', ".traits.email"),
        ('"userId":"1","context":{"traits":{"address":{"city":"A","city":"B"}}}', ".context.traits.address.city"),
        ('"userId":"1","unknown":[{"a":1,"a":2}]', ".unknown[0].a"),
    ],
)
@pytest.mark.parametrize("batch", [False, True])
def test_a_message_of_segments_that_has_a_name_twice_is_a_dead_letter(
    steady: Intake, redis: Redis, field: str, place: str, batch: bool
) -> None:
    posted = f'{{"type":"identify",{field}}}'
    sound = '{"type":"identify","userId":"3","traits":{"email":"c@example.com"}}'
    answer = steady.post(SEGMENT, f'{{"batch":[{sound},{posted}]}}' if batch else posted).json()
    assert (answer["accepted"], answer["dead"]) == (int(batch), 1)
    (detail,) = details(redis, UNREADABLE)
    assert detail.startswith(f"{'$.batch[1]' if batch else '$'}{place}: appears twice")


@pytest.mark.parametrize(
    "name", ["ann@example.com", "+4915112345678", "\u001b[2J", "x" * 65], ids=["address", "phone", "escape", "long"]
)
def test_a_name_that_may_be_somebodys_is_not_repeated(steady: Intake, redis: Redis, name: str) -> None:
    member = f"{json.dumps(name)}:1,{json.dumps(name)}:2"
    error: dict[str, Any] = steady.post(CHANGES, f'{{"changes":[],"x":{{{member}}}}}').json()["error"]
    assert f"$.x.(a name of {len(name)} characters): appears twice" in error["description"]
    assert redis.keys() == []
