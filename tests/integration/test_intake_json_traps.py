"""JSON that parsers read in different ways: refused with 400 and nothing stored, or stored exactly as it came."""

from __future__ import annotations

import gzip

import pytest
from redis import Redis

from tests.support.intake import Intake
from tests.support.traps import CHANGES, SOUND, check_refused, message, stored

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
    b'"\\ud80"',
    b'"\\udc0g"',
]
#: Half an emoji, as JavaScript, Python and others write it, and how it is stored.
HALVES = {
    b'"\xed\xa0\xbd"': b'"\xef\xbf\xbd"',
    b'"\xed\xa0\xbd\xed\xb8\x80"': b'"\xf0\x9f\x98\x80"',
    b'"\\ud800"': b'"\\ufffd"',
    b'"\\udc00"': b'"\\ufffd"',
    b'"\\udc00\\ud800"': b'"\\ufffd\\ufffd"',
    b'"\\ud800\\u0041"': b'"\\ufffd\\u0041"',
    b'{"\\ud83d":1}': b'{"\\ufffd":1}',
}
#: What is JSON, and more than most parsers keep of it.
VALID = [
    b"9" * 30,
    b"-" + b"9" * 100,
    b"1e300",
    b"1E-400",
    b"-0.0",
    b"0.1000000000000000055511151231257827",
    b'"\\u0000"',
    b'"\\ud83d\\ude00"',
    b'"\\u2028</script>"',
    b'{"__proto__":{"admin":true}}',
]


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.parametrize("trap", NO_JSON, ids=repr)
def test_what_is_no_json_is_refused_wherever_it_stands(steady: Intake, redis: Redis, path: str, trap: bytes) -> None:
    check_refused(steady, redis, path, message(path, trap, b"1"))
    check_refused(steady, redis, path, message(path, b"1", trap))


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.parametrize("value", VALID, ids=lambda value: repr(value[:20]))
def test_what_is_json_is_stored_to_the_byte(steady: Intake, redis: Redis, path: str, value: bytes) -> None:
    assert steady.post(path, message(path, value, value)).status_code == 202
    (person,) = stored(redis)
    assert b'{"k":%s}' % value in person


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.parametrize("half", HALVES, ids=repr)
def test_half_a_character_costs_nobody_anything(steady: Intake, redis: Redis, path: str, half: bytes) -> None:
    body = message(path, half, half)
    assert steady.post(path, body).status_code == 202
    assert steady.post(path, gzip.compress(body), Content_Encoding="x-gzip").status_code == 202
    for person in stored(redis):
        assert b'{"k":%s}' % HALVES[half] in person
    assert len(stored(redis)) == 2


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_other_encodings_than_plain_utf_8_are_refused(steady: Intake, redis: Redis, path: str, encoding: str) -> None:
    body = message(path, b"1", b'"\xc3\xa9"').decode().encode(encoding)
    check_refused(steady, redis, path, body)
    check_refused(steady, redis, path, gzip.compress(body), Content_Encoding="gzip")


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.parametrize("bracket", [b"[", b'{"a":', b'[{"a":'])
@pytest.mark.parametrize("depth", [1_000, 100_000, 1_000_000])
def test_nesting_without_end_is_refused(steady: Intake, redis: Redis, path: str, bracket: bytes, depth: int) -> None:
    check_refused(steady, redis, path, message(path, bracket * depth, b"1"), "nested too deeply")


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.parametrize(
    "kind", ["application/xml", "text/csv", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "/"]
)
def test_a_body_is_taken_for_what_it_is_and_not_for_what_its_type_says(
    steady: Intake, redis: Redis, path: str, kind: str
) -> None:
    for body in (b"<a>1</a>", b"action,email\nadd,a@example.com", b"--x\r\n\r\n{}\r\n--x--", b"a=1&b=2"):
        check_refused(steady, redis, path, body, Content_Type=kind)
    assert steady.post(path, message(path, b"1", b"1"), Content_Type=kind).status_code == 202
    assert len(stored(redis)) == 1


def test_lines_sent_as_one_document_are_refused_and_a_document_sent_as_lines_is_told_of(
    steady: Intake, redis: Redis
) -> None:
    lines = b'{"action":"add","email":"a@example.com"}\n' * 2
    check_refused(steady, redis, CHANGES + "?audience=42", lines, Content_Type="application/json")
    answer = steady.post(CHANGES, message(CHANGES, b"1", b"1"), Content_Type="application/x-ndjson").json()
    assert (answer["accepted"], len(answer["rejected"])) == (0, 1)
