"""Scripts of a page may post when the sender of its write key allows the page's origin, and read what is answered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from redis import Redis

from configuration.connections import Connection, Connections
from configuration.senders import Sender
from configuration.settings import Settings, Token
from intake.segment.reading import NO_ERASURE
from queues import dead_letters, pending, senders
from queues.names import Queue
from tests.support.intake import TOKEN, Intake, running
from tests.support.segment import message
from tests.support.tracking import LIBRARIES, PAGE, asks_first, basic

KEY, OTHER_KEY = "a write key of the website", "a write key of an app"
APP = "capacitor://localhost"
EVIL = "https://evil.example"
ANN = message("identify", userId="u-17", traits={"email": "ann@example.com"})
CALLS = ["/v1/batch", "/v1/b", "/v1/t", "/v1/track/", "/v1/import", "/v1/m"]
BROWSERS = ["analytics.js", "analytics.js, batching", "rudder-js", "rudder-js, batching"]


@pytest.fixture(scope="module")
def served(redis_server: str) -> Iterator[Intake]:
    segment = frozenset({"segment"})
    website = Sender("website", (KEY,), routes=segment, allowed_origins=frozenset({PAGE, "http://localhost:3000"}))
    app = Sender("app", (OTHER_KEY,), routes=segment, allowed_origins=frozenset({APP}))
    known = Connections({"default": Connection("default")})
    settings = Settings(redis_server, known, tokens=(Token("backend", TOKEN),), senders=(website, app))
    with running(settings) as intake:
        yield intake


@pytest.fixture
def tracked(served: Intake, redis: Redis) -> Intake:
    """It, with nothing stored."""
    assert redis.ping()
    return served


def cors(answer: requests.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items() if name.lower().startswith("access-control")}


def sent(intake: Intake, origin: str | None, key: str = KEY, path: str = "/v1/batch") -> requests.Response:
    headers = {"Origin": origin} if origin is not None else {}
    return intake.post(path, {"batch": [ANN]}, "", Authorization=basic(key), **headers)


@pytest.mark.parametrize("origin", [PAGE, "http://localhost:3000", APP])
@pytest.mark.parametrize("path", CALLS)
def test_a_browser_that_asks_first_needs_no_key(tracked: Intake, path: str, origin: str) -> None:
    asked = ("anonymousid", "authorization", "content-type")
    answer = asks_first(tracked, path, origin, *asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert cors(answer) == {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": ",".join(asked),
        "access-control-expose-headers": "Retry-After, X-Request-ID",
        "access-control-max-age": "7200",
    }
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [EVIL, "null", "*", "", PAGE.upper(), f"{PAGE}/", f"{PAGE}:443", f"{PAGE}.evil.example", "http://www.example.com"],
)
@pytest.mark.parametrize("path", CALLS)
def test_any_other_origin_gets_no_leave(tracked: Intake, path: str, origin: str) -> None:
    answer = asks_first(tracked, path, origin, "authorization")
    assert (answer.status_code, cors(answer)) == (204, {})


def test_a_question_without_an_origin_is_answered_too(tracked: Intake) -> None:
    answer = requests.options(f"{tracked.url}/v1/batch", timeout=30)
    assert (answer.status_code, answer.headers["Allow"], cors(answer)) == (204, "OPTIONS, POST", {})


@pytest.mark.parametrize("path", ["/v1/segment", "/v1/changes", "/v1/mparticle", "/v1/campaigns"])
def test_no_other_address_lets_pages_post(tracked: Intake, path: str) -> None:
    asked = asks_first(tracked, path, PAGE, "authorization")
    assert (asked.status_code, cors(asked)) == (401, {})
    assert cors(tracked.post(path, ANN, TOKEN, Origin=PAGE)) == {}


@pytest.mark.parametrize("library", BROWSERS)
def test_a_page_may_post_and_read_the_answer(tracked: Intake, redis: Redis, library: str) -> None:
    answer = LIBRARIES[library].posted(KEY, ANN).send(tracked)
    assert answer.json()["accepted"] == 1
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert len(pending.all_queues(redis)) == 1


@pytest.mark.parametrize("library", BROWSERS)
@pytest.mark.parametrize("key", [OTHER_KEY, TOKEN])
def test_a_page_is_refused_when_the_sender_of_its_key_does_not_allow_it(
    tracked: Intake, redis: Redis, library: str, key: str
) -> None:
    answer = LIBRARIES[library].posted(key, ANN).send(tracked)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    has = APP if key == OTHER_KEY else "none"
    assert f"lacks the origin of the page; it has {has}. Nothing was accepted" in answer.json()["message"]
    assert "add to allowed_origins of [senders." in answer.json()["message"]
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE, "so that its developer can read why"
    assert pending.all_queues(redis) == []


@pytest.mark.parametrize("origin", [EVIL, "null", "", f"{PAGE}/"])
def test_an_unknown_page_is_refused_and_cannot_read_why(tracked: Intake, redis: Redis, origin: str) -> None:
    for path in ("/v1/batch", "/v1/t"):
        answer = sent(tracked, origin, path=path)
        assert (answer.status_code, cors(answer)) == (403, {})
    assert pending.all_queues(redis) == []


def test_programs_that_name_no_origin_need_none(tracked: Intake) -> None:
    for key in (KEY, OTHER_KEY, TOKEN):
        assert sent(tracked, None, key).status_code == 200


def test_a_page_can_read_every_refusal(tracked: Intake) -> None:
    refusals = [
        sent(tracked, PAGE, "a wrong write key"),
        tracked.post("/v1/t", b"", "", Origin=PAGE),
        tracked.post("/v1/t", b" " * 600_000, "", Origin=PAGE),
        tracked.post("/v1/t", b"[]", "", Origin=PAGE, Authorization=basic(KEY)),
        tracked.post("/v1/t", b"", "", Origin=PAGE, Authorization=basic(KEY), Content_Encoding="br"),
        sent(tracked, PAGE, path="/v1/t?conection=x"),
        sent(tracked, PAGE, path="/v1/t?connection=nowhere"),
        requests.get(f"{tracked.url}/v1/t", headers={"Origin": PAGE}, timeout=30),
    ]
    assert [each.status_code for each in refusals] == [401, 401, 413, 400, 415, 400, 404, 401]
    assert {each.headers.get("Access-Control-Allow-Origin") for each in refusals} == {PAGE}


def test_refused_pages_are_counted_for_their_sender(redis_url: str, redis: Redis) -> None:
    sender = Sender("website", (KEY,), routes=frozenset({"segment"}), allowed_origins=frozenset({PAGE}))
    known = Connections({"default": Connection("default")})
    with running(Settings(redis_url, known, senders=(sender,))) as intake:
        assert [sent(intake, origin).status_code for origin in (PAGE, EVIL, EVIL)] == [200, 403, 403]
    assert senders.read(redis, "website").refused == {"origin": 2}


def test_a_key_that_visitors_can_read_erases_nobody(tracked: Intake, redis: Redis) -> None:
    erasures = Queue("default", "erasure", "erasures")
    for path in ("/v1/batch", "/v1/segment"):
        gone = message("delete", messageId=f"m {path}", userId="u-17", context={"path": path})
        answer = tracked.post(path, {"batch": [gone, ANN]}, "", Authorization=basic(KEY))
        assert (answer.json()["dead"], answer.json()["accepted"]) == (1, 1)
        assert erasures not in pending.all_queues(redis)
    letters = dead_letters.read(redis, Queue("default", "audience", "unreadable"))
    assert [letter.detail["detail"] for letter in letters] == [f"$.batch[0].type: {NO_ERASURE}"] * 2
    assert sent(tracked, None, TOKEN).status_code == 200
    assert tracked.post("/v1/batch", message("delete", userId="u-17"), TOKEN).json()["accepted"] == 1
    assert erasures in pending.all_queues(redis)


@pytest.mark.parametrize("value", [b"\xff", b"a\tb", b",", b"x" * 9_000, b"[", b"\xc3\xa9"])
@pytest.mark.parametrize("name", [b"Origin", b"Access-Control-Request-Headers", b"Access-Control-Request-Method"])
def test_no_header_of_a_question_is_a_defect(tracked: Intake, name: bytes, value: bytes) -> None:
    head = b"OPTIONS /v1/batch HTTP/1.1\r\nHost: x\r\nOrigin: %s\r\n%s: %s\r\nConnection: close\r\n\r\n"
    answer = tracked.raw(head % (PAGE.encode(), name, value), until=b"never")
    assert 200 <= int(answer.split()[1]) < 500
