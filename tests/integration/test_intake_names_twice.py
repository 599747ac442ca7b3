"""Of a name that stands twice parsers keep either: refused, or stored as it came."""

from __future__ import annotations

import json

import pytest
from redis import Redis

from queues import accounts
from queues.accounts import Cipher
from tests.support.intake import Intake
from tests.support.posted import SECRET
from tests.support.traps import CHANGES, MPARTICLE, SOUND, check_refused, message, stored


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        (CHANGES, '{"changes":[],"audience":{"id":1},"audience":{"id":2}}', "$.audience"),
        (CHANGES, '{"changes":[{"action":"add"}],"chang\\u0065s":[],"audience":{"id":1}}', "$.changes"),
        (MPARTICLE, '{"type":"event_processing_request","type":"event_processing_request"}', "$.type"),
        (MPARTICLE, '{"type":"audience_membership_change_request","id":"a","id":"b"}', "$.id"),
        (
            MPARTICLE,
            '{"type":"audience_membership_change_request","user_profiles":[{}],"user_profiles":[]}',
            "$.user_profiles",
        ),
        (
            MPARTICLE,
            '{"type":"audience_subscription_request","audience_id":1,"audience_id":2,"audience_name":""}',
            "$.audience_id",
        ),
    ],
)
def test_a_message_that_has_a_name_twice_is_refused(
    steady: Intake, redis: Redis, path: str, body: str, name: str
) -> None:
    check_refused(steady, redis, path, body.encode(), f"{name}: stands there twice")


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
    check_refused(steady, redis, MPARTICLE, body, f"{name}: stands there twice")
    assert accounts.recall(redis, "default", Cipher([SECRET])) is None


@pytest.mark.parametrize("member", ['"action":"remove"', '"email":"b@example.com"', '"timestamp":100000000001'])
def test_a_change_that_has_a_name_twice_is_rejected_and_the_others_go_through(
    steady: Intake, redis: Redis, member: str
) -> None:
    sound = '{"action":"add","email":"a@example.com","timestamp":100000000000}'
    twice = sound[:-1] + "," + member + "}"
    response = steady.post(CHANGES, f'{{"audience":{{"id":"42"}},"changes":[{twice},{sound}]}}')
    answer = response.json()
    assert (response.status_code, answer["accepted"]) == (202, 1)
    (rejected,) = answer["rejected"]
    assert (rejected["index"], rejected["reason"]) == (0, "malformed")
    assert rejected["where"].startswith(
        f"$.changes[0].{json.loads('{' + member + '}').popitem()[0]}: stands there twice"
    )
    assert len(stored(redis)) == 1


@pytest.mark.parametrize("path", SOUND)
def test_of_a_name_that_a_person_has_twice_both_are_stored(steady: Intake, redis: Redis, path: str) -> None:
    assert steady.post(path, message(path, b"1", b'1,"k":2')).status_code == 202
    (person,) = stored(redis)
    assert b'{"k":1,"k":2}' in person
