"""JSON that parsers read in different ways: refused with 400 and nothing stored, or stored exactly as it came."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from typing import cast

import pytest
from redis import Redis

from intake import limits
from queues import accounts, keys
from queues.accounts import Cipher
from queues.change import decode
from queues.names import Queue
from tests.support.intake import Intake, known, running

CHANGES, MPARTICLE = "/v1/changes", "/v1/mparticle"
SECRET = "a secret of the installation"
#: A sound message for each address, with a place for the trap in the envelope and one in the person.
SOUND = {
    CHANGES: '{"audience":{"id":"42"},"x":%s,"changes":'
    '[{"action":"add","email":"a@example.com","attributes":{"k":%s}}]}',
    MPARTICLE: '{"type":"audience_membership_change_request","x":%s,"user_profiles":[{"mpid":"1","audiences":'
    '[{"audience_id":42,"action":"add","user_attributes":[{"k":%s}]}]}]}',
}
QUEUE = Queue("default", "audience", "42")
#: What is no JSON, however many parsers take it.
NO_JSON = [
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"nan",
    b"01",
    b"+1",
    b".5",
    b"1.",
    b"0x1F",
    b"'text'",
    b"[1,]",
    b'{"a":1,}',
    b"/* note */ 1",
    b"True",
    b"undefined",
    b'"a\nb"',
    b'"a\x00b"',
    b"\x00",
    b'"\\x41"',
    b'"\xff"',
    b'"\xc0\xaf"',
    b'"\xed\xa0\x80"',
    b'"\\ud800"',
    b'"\\udc00"',
    b'"\\udc00\\ud800"',
    b'"\\ud800\\u0041"',
]
#: What is JSON, and more than most parsers keep of it.
VALID = [
    b"9" * 30,
    b"-" + b"9" * 400,
    b"9" * 5_000,
    b"1e400",
    b"1E-400",
    b"-0.0",
    b"0.1000000000000000055511151231257827",
    b'"\\u0000"',
    b'"\\ud83d\\ude00"',
    b'"\\u2028</script>"',
    b'{"__proto__":{"admin":true}}',
]


@pytest.fixture(scope="module")
def intake(redis_server: str) -> Iterator[Intake]:
    with running(known(redis_server, secret_keys=(SECRET,))) as started:
        yield started


def message(path: str, envelope: bytes, person: bytes) -> bytes:
    before, between, after = SOUND[path].split("%s")
    return before.encode() + envelope + between.encode() + person + after.encode()


def stored(redis: Redis) -> list[bytes]:
    changes = cast("list[bytes]", redis.lrange(keys.queue(QUEUE, "pending"), 0, -1))
    return [bytes(decode(change).body.person) for change in changes]


def check_refused(intake: Intake, redis: Redis, path: str, body: bytes, *words: str, **headers: str) -> None:
    response = intake.post(path, body, **headers)
    assert response.status_code == 400
    error = response.json()["error"]
    assert all(word in error["description"] for word in ("Nothing was accepted", *words))
    assert redis.keys() == []


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.parametrize("trap", NO_JSON, ids=repr)
def test_what_is_no_json_is_refused_wherever_it_stands(intake: Intake, redis: Redis, path: str, trap: bytes) -> None:
    check_refused(intake, redis, path, message(path, trap, b"1"))
    check_refused(intake, redis, path, message(path, b"1", trap))


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.parametrize("value", VALID, ids=lambda value: repr(value[:20]))
def test_what_is_json_is_stored_to_the_byte(intake: Intake, redis: Redis, path: str, value: bytes) -> None:
    assert intake.post(path, message(path, value, value)).status_code == 202
    (person,) = stored(redis)
    assert b'{"k":%s}' % value in person


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_other_encodings_than_plain_utf_8_are_refused(intake: Intake, redis: Redis, path: str, encoding: str) -> None:
    body = message(path, b"1", b'"\xc3\xa9"').decode().encode(encoding)
    check_refused(intake, redis, path, body)
    check_refused(intake, redis, path, gzip.compress(body), Content_Encoding="gzip")


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.parametrize("bracket", [b"[", b'{"a":', b'[{"a":'])
@pytest.mark.parametrize("depth", [1_000, 100_000, 1_000_000])
def test_nesting_without_end_is_refused(intake: Intake, redis: Redis, path: str, bracket: bytes, depth: int) -> None:
    check_refused(intake, redis, path, message(path, bracket * depth, b"1"), "nested too deeply")


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.parametrize(
    "kind", ["application/xml", "text/csv", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "/"]
)
def test_a_body_is_taken_for_what_it_is_and_not_for_what_its_type_says(
    intake: Intake, redis: Redis, path: str, kind: str
) -> None:
    for body in (b"<a>1</a>", b"action,email\nadd,a@example.com", b"--x\r\n\r\n{}\r\n--x--", b"a=1&b=2"):
        check_refused(intake, redis, path, body, Content_Type=kind)
    assert intake.post(path, message(path, b"1", b"1"), Content_Type=kind).status_code == 202
    assert len(stored(redis)) == 1


def test_lines_sent_as_one_document_are_refused_and_a_document_sent_as_lines_is_told_of(
    intake: Intake, redis: Redis
) -> None:
    lines = b'{"action":"add","email":"a@example.com"}\n' * 2
    check_refused(intake, redis, CHANGES + "?audience=42", lines, Content_Type="application/json")
    answer = intake.post(CHANGES, message(CHANGES, b"1", b"1"), Content_Type="application/x-ndjson").json()
    assert (answer["accepted"], len(answer["rejected"])) == (0, 1)


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
    intake: Intake, redis: Redis, path: str, body: str, name: str
) -> None:
    check_refused(intake, redis, path, body.encode(), f"{name}: stands there twice")


@pytest.mark.parametrize(
    ("account", "name"),
    [
        ('{"account_id":1,"account_id":2}', "$.account.account_id"),
        ('{"account_settings":{},"account_settings":{"apiKey":"pk_b"}}', "$.account.account_settings"),
        ('{"account_settings":{"apiKey":"pk_a","apiKey":"pk_b"}}', "$.account.account_settings.apiKey"),
    ],
)
def test_an_account_that_has_a_name_twice_is_refused_and_neither_key_kept(
    intake: Intake, redis: Redis, account: str, name: str
) -> None:
    body = message(MPARTICLE, b"1", b"1").replace(b'"x":1', b'"account":' + account.encode())
    check_refused(intake, redis, MPARTICLE, body, f"{name}: stands there twice")
    assert accounts.recall(redis, "default", Cipher([SECRET])) is None


@pytest.mark.parametrize("member", ['"action":"remove"', '"email":"b@example.com"', '"timestamp":100000000001'])
def test_a_change_that_has_a_name_twice_is_rejected_and_the_others_go_through(
    intake: Intake, redis: Redis, member: str
) -> None:
    sound = '{"action":"add","email":"a@example.com","timestamp":100000000000}'
    twice = sound[:-1] + "," + member + "}"
    response = intake.post(CHANGES, f'{{"audience":{{"id":"42"}},"changes":[{twice},{sound}]}}')
    answer = response.json()
    assert (response.status_code, answer["accepted"]) == (202, 1)
    (rejected,) = answer["rejected"]
    assert (rejected["index"], rejected["reason"]) == (0, "malformed")
    assert rejected["where"].startswith(
        f"$.changes[0].{json.loads('{' + member + '}').popitem()[0]}: stands there twice"
    )
    assert len(stored(redis)) == 1


@pytest.mark.parametrize("path", SOUND)
def test_of_a_name_that_a_person_has_twice_both_are_stored(intake: Intake, redis: Redis, path: str) -> None:
    assert intake.post(path, message(path, b"1", b'1,"k":2')).status_code == 202
    (person,) = stored(redis)
    assert b'{"k":1,"k":2}' in person


@pytest.mark.parametrize("path", SOUND)
def test_gzip_in_more_pieces_than_anybody_sends_is_refused_at_once(intake: Intake, redis: Redis, path: str) -> None:
    nothing = gzip.compress(b"")
    body = nothing * (limits.BODY // len(nothing))
    started = time.monotonic()
    check_refused(intake, redis, path, body, Content_Encoding="gzip")
    assert time.monotonic() - started < 10
    few = nothing * (limits.STREAMS - 1) + gzip.compress(message(path, b"1", b"1"))
    assert intake.post(path, few, Content_Encoding="gzip").status_code == 202


def bomb(of: bytes, layers: int) -> bytes:
    packed = of
    for _ in range(layers):
        packed = gzip.compress(packed)
    return packed


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.parametrize(("layers", "status"), [(1, 413), (2, 400)])
def test_a_gzip_bomb_is_not_unpacked_beyond_the_limit(
    intake: Intake, redis: Redis, path: str, layers: int, status: int
) -> None:
    response = intake.post(path, bomb(b" " * 60_000_000, layers), Content_Encoding="gzip")
    assert response.status_code == status
    assert redis.keys() == []


def test_a_sender_without_a_token_cannot_make_the_intake_unpack_a_bomb(intake: Intake) -> None:
    started = time.monotonic()
    body = bomb(b" " * 50_000_000, 2)
    response = intake.post(MPARTICLE, body, token="", Content_Encoding="gzip")
    assert response.status_code == 401
    assert time.monotonic() - started < 10
