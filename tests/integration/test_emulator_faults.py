from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import orjson
import pytest
import requests

from tests.support.emulator_api import HEADERS, IMPORTS, Api, first_error, import_body, row


def order(api: Api, fault: str, **more: object) -> None:
    api.control("faults", {"fault": fault, **more})


def journal(api: Api) -> list[tuple[str, int | None, str | None]]:
    entries = api.call("GET", "/_emulator/requests?since=0").json()
    return [(entry["method"], entry["status"], entry["fault"]) for entry in entries]


def raw_answer(url: str, body: bytes) -> bytes:
    """What a bare socket gets back for an import, until the other side closes."""
    host, port = urlsplit(url).netloc.split(":")
    head = [f"POST {IMPORTS} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    head += [f"{name}: {value}" for name, value in HEADERS.items()]
    with socket.create_connection((host, int(port)), timeout=30) as sock:
        sock.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        answer = b""
        while chunk := sock.recv(65_536):
            answer += chunk
        return answer


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("400", 400, "invalid"),
        ("400_list", 400, "invalid"),
        ("401", 401, "authentication_failed"),
        ("403", 403, "permission_denied"),
        ("429", 429, "throttled"),
        ("500", 500, "error"),
    ],
)
def test_a_json_fault_is_answered_once_and_with_the_limits_but_for_401_and_429(
    api: Api, fault: str, status: int, code: str
) -> None:
    order(api, fault)
    answer = api.get("/api/lists")
    assert (answer.status_code, first_error(answer)["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/vnd.api+json"
    assert ("RateLimit-Limit" in answer.headers) is (status not in (401, 429))
    assert api.get("/api/lists").status_code == 200


def test_a_missing_list_can_be_refused_without_a_pointer_to_it(api: Api) -> None:
    order(api, "400_list")
    error = first_error(api.start_import([row(email="a@example.com")]))
    assert error["source"] == {"pointer": "/data"}
    assert error["detail"].startswith("List ID ")


@pytest.mark.parametrize(("fault", "status"), [("503_html", 503), ("403_html", 403)])
def test_an_html_fault_is_no_json(api: Api, fault: str, status: int) -> None:
    order(api, fault)
    answer = api.get("/api/lists")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<html>")
    assert answer.headers.get("cf-mitigated") == ("challenge" if fault == "403_html" else None)


@pytest.mark.parametrize("retry_after", [7, 2.5, "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_429_carries_the_retry_after_that_was_ordered(api: Api, retry_after: object) -> None:
    order(api, "429", retry_after=retry_after)
    assert api.get("/api/lists").headers["Retry-After"] == str(retry_after)


def test_a_fault_hits_the_next_matching_calls_and_no_others(api: Api) -> None:
    order(api, "500", match={"method": "POST", "path": IMPORTS, "body": "poison"}, times=2)
    good, bad = [row(email="a@example.com")], [row(email="poison@example.com")]
    assert api.get(IMPORTS).status_code == 200
    statuses = [api.start_import(rows).status_code for rows in (good, bad, good, bad, bad)]
    assert statuses == [202, 500, 202, 500, 202]


def test_a_faulted_call_is_not_processed(api: Api) -> None:
    order(api, "503_html")
    api.start_import([row(email="a@example.com")])
    assert api.get("/api/profiles").json()["data"] == []


def test_a_lost_response_was_processed_and_the_socket_ends_without_a_byte(api: Api) -> None:
    list_id = api.make_list()
    order(api, "lost_response", match={"path": IMPORTS})
    answer = raw_answer(api.url, orjson.dumps(import_body([row(email="a@example.com")], list_id)))
    assert answer == b""
    assert api.members() == ["a@example.com"]
    assert journal(api)[1:] == [("POST", 202, "lost_response")]


def test_a_reset_is_not_processed_and_the_socket_is_reset(api: Api) -> None:
    list_id = api.make_list()
    order(api, "reset", match={"path": IMPORTS})
    with pytest.raises(ConnectionResetError):
        raw_answer(api.url, orjson.dumps(import_body([row(email="a@example.com")], list_id)))
    assert api.members() == []
    assert journal(api)[1:] == [("POST", None, "reset")]


@pytest.mark.parametrize("fault", ["reset", "lost_response"])
def test_a_client_library_sees_a_connection_error_and_the_next_call_works(api: Api, fault: str) -> None:
    order(api, fault)
    with pytest.raises(requests.ConnectionError):
        api.get("/api/lists")
    assert api.get("/api/lists").status_code == 200


def test_a_slow_body_begins_at_once_and_arrives_whole_at_the_end_of_its_time(api: Api) -> None:
    api.make_list()
    order(api, "slow_body", seconds=3)
    started = time.monotonic()
    with api.session.get(api.url + "/api/lists", stream=True, timeout=30) as answer:
        first = answer.raw.read(1)
        begun = time.monotonic() - started
        rest = answer.raw.read()
    assert begun < 2.5
    assert time.monotonic() - started >= 3
    assert int(answer.headers["Content-Length"]) == len(first + rest)
    assert len(orjson.loads(first + rest)["data"]) == 1


def test_a_client_that_leaves_a_slow_body_disturbs_nobody(api: Api) -> None:
    api.make_list()
    order(api, "slow_body", seconds=30)
    with api.session.get(api.url + "/api/lists", stream=True, timeout=30) as answer:
        assert answer.status_code == 200
    assert api.get("/api/lists").status_code == 200


def test_a_stalled_answer_runs_into_the_read_timeout_although_it_was_processed(api: Api) -> None:
    order(api, "stall", seconds=3)
    body = {"data": {"type": "list", "attributes": {"name": "VIP"}}}
    with pytest.raises(requests.ReadTimeout):
        api.session.post(api.url + "/api/lists", json=body, timeout=(30, 0.1))
    assert api.members() == []
