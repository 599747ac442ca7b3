"""Whatever a stranger writes to the web process' port, the answer says that it is wrong, and none is a defect."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from redis import Redis

from queues import keys
from tests.support.console import ADMIN
from tests.support.group import Group
from tests.support.ops import environment

PATHS = [
    *(
        b"/",
        b"//",
        b"*",
        b"/%00",
        b"/%ff",
        b"/%",
        b"/%zz",
        b"/\xff",
        b"/\xc3\xa9",
        b"http://[::1/",
        b"/a b",
        b"?x",
        b"x",
    ),
    *(b"http://x/sign-in", b"/sign-in/", b"/sign-in;x", b"/sign-in?\xff=1", b"/sign-in?%ff=%ff", b"/sign-in?next=%00"),
    *(b"/sign-in?next=//e%0d%0a", b"/static/..%2f..%2fx", b"/static/%00", b"/queues/%ff/x/%00", b"/metrics?%ff"),
    *(b"/queues/default/audience/%2f%2e%2e", b"/v1/audiences//members", b"/v1/audiences/%00/syncs/%ff", b"/docs#x"),
    *(b"/v1/mparticle?%ff", b"/dead?older=%00", b"/person?q=%ff", b"/" + b"a" * 5_000, b"/" + b"../" * 50),
    *(b"/?" + b"&" * 3_000, b"/?" + b"=&" * 3_000),
]
METHODS = [
    *(b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT", b"PROPFIND", b"QUERY"),
    *(b"FOO", b"get", b"PRI"),
]
VERSIONS = [b"", b" HTTP/0.9", b" HTTP/2.0", b" HTTP/3.0", b" HTTP/1.2", b" HTTP/1.10", b" HTCPCP/1.0", b" http/1.1"]
NO_HOSTS = [
    *(
        b"[::1",
        b"]",
        b"[",
        b"a]b",
        b"[]",
        b"\xff",
        b"a b",
        b"[1:2:3]",
        b"[v1.x]",
        b"[%]",
        b"[::1]x",
        b"[::1]:x",
        b"a:b:c",
    ),
    *(b"a:80:80", b"/", b"@", b"a@b", b"#", b"?", b"\\", b"\xe2\x84\x80", b"localhost\r\nHost: localhost"),
]
HOSTS = [b"", b"localhost", b"localhost:8000", b"ferry_web", b"[::1]", b"[::1]:80", b"1.2.3.4:5", b"a.example.", b"x:"]
HEADERS = [
    *(
        b"Cookie: ferry=\xff",
        b"Cookie: ;;;=",
        b"Authorization:",
        b"Authorization: Bearer \xff",
        b"Authorization: Basic !",
    ),
    *(b"Authorization: Basic //8=", b"X-Forwarded-For: \xff,[", b"X-Forwarded-Proto: ,", b"Forwarded: for=["),
    *(b"Accept: \xff", b"Accept: text/html;q=x", b"Accept-Encoding: gzip;q=\xff", b"Content-Length: -1"),
    *(b"Content-Length: x", b"Content-Length: 99999999999999999999", b"Transfer-Encoding: x", b"Range: bytes=\xff"),
    *(b"If-None-Match: \xff", b"X-Request-ID: \xff", b"Content-Type: \xff", b"Content-Type: multipart/form-data"),
    *(b"Sec-Fetch-Site: \xff", b"X-CSRF-Token: \xff", b"Origin: [", b"Referer: http://[", b"X-Signature: \xff"),
    *(b"HX-Request: true\r\nHX-Current-URL: http://[", b"Content-Encoding: \xff", b"Upgrade: websocket"),
]
FORMS = [
    *(
        b"token=%ff&next=%00",
        b"\xff\xfe",
        b"token=a&token=b",
        b"csrf=%ff",
        b"token=%ed%a0%80",
        b"token=\xc3\xa9",
        b"=&=",
    ),
]
PAGES = [(b"GET", b"/"), (b"GET", b"/sign-in"), (b"POST", b"/sign-in"), (b"POST", b"/v1/segment")]
OPEN = [
    *PAGES,
    (b"POST", b"/sign-out"),
    (b"POST", b"/v1/mparticle"),
    (b"GET", b"/static/ferry.css"),
    (b"GET", b"/docs"),
]


@pytest.fixture(scope="module")
def web(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    folder: Path = tmp_path_factory.mktemp("web")
    more = {"FERRY_ADMIN_TOKEN": ADMIN, "FERRY_SECRET_KEY": "a secret of this installation"}
    known = environment(redis_server, folder, FERRY_SEGMENT_SECRETS="x:0123456789abcdef", **more)
    with Group(known, folder, "web") as group:
        yield group
        assert "defect" not in group.log("web")


@pytest.fixture(autouse=True)
def nobody_has_to_wait(redis_server: str) -> None:
    """The wrong tokens of the tests before are forgotten, so that they do not delay this one."""
    with Redis.from_url(redis_server) as redis:
        for key in redis.scan_iter(f"{keys.THROTTLE}*"):
            redis.delete(key)


def ask(web: Group, line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    """The whole answer."""
    head = b"\r\n".join((line, *headers, b"Connection: close", b"", b""))
    answer = b""
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as connection:
        connection.sendall(head + body)
        while more := connection.recv(65_536):
            answer += more
    return answer


def one_answer(connection: socket.socket) -> bytes:
    """One answer of a connection that stays open; its head and its body may come apart."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65_536)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def check_refused(answer: bytes, *words: bytes) -> None:
    assert status(answer) == 400, answer
    assert b"content-type: application/json" in answer
    assert all(word in answer for word in (b'"error"', b"Nothing was accepted", *words))


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_no_path_is_a_defect(web: Group, method: bytes) -> None:
    for path in PATHS:
        answer = ask(web, method + b" " + path + b" HTTP/1.1", b"Host: localhost", b"Accept: text/html")
        assert 200 <= status(answer) < 500, (path, answer[:200])


@pytest.mark.parametrize("version", VERSIONS, ids=repr)
def test_another_version_of_http_is_refused_with_the_remedy(web: Group, version: bytes) -> None:
    for method, path in OPEN:
        check_refused(ask(web, method + b" " + path + version, b"Host: localhost"))
    assert status(ask(web, b"GET /healthz HTTP/1.0")) == 200


def test_a_request_of_http_0_9_is_told_which_versions_there_are(web: Group) -> None:
    check_refused(ask(web, b"GET /"), b"neither HTTP/1.0 nor HTTP/1.1")


@pytest.mark.parametrize("host", NO_HOSTS, ids=repr)
def test_a_host_that_is_none_is_refused_on_every_page(web: Group, host: bytes) -> None:
    for method, path in [*OPEN, (b"GET", b"/healthz")]:
        check_refused(ask(web, method + b" " + path + b" HTTP/1.1", b"Host: " + host))
    check_refused(ask(web, b"GET / HTTP/1.1", b"Host: [::1"), b"The header Host", b"names no host")


@pytest.mark.parametrize("host", HOSTS, ids=repr)
def test_a_host_that_is_one_is_not(web: Group, host: bytes) -> None:
    assert status(ask(web, b"GET /healthz HTTP/1.1", b"Host: " + host)) == 200
    assert status(ask(web, b"GET /sign-in HTTP/1.1", b"Host: " + host)) == 200


@pytest.mark.parametrize("header", HEADERS, ids=repr)
def test_no_header_is_a_defect(web: Group, header: bytes) -> None:
    for method, path in OPEN:
        answer = ask(web, method + b" " + path + b" HTTP/1.1", b"Host: localhost", header)
        assert 200 <= status(answer) < 500, answer[:200]


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_no_form_is_a_defect(web: Group, form: bytes) -> None:
    kinds = (
        b"application/x-www-form-urlencoded",
        b"application/json",
        b"multipart/form-data; boundary=x",
        b"text/plain",
    )
    for kind, path in product(kinds, (b"/sign-in", b"/sign-out", b"/v1/flush", b"/dead/replay", b"/v1/mparticle")):
        headers = (b"Host: localhost", b"Content-Type: " + kind, b"Content-Length: %d" % len(form))
        answer = ask(web, b"POST " + path + b" HTTP/1.1", *headers, body=form)
        assert 200 <= status(answer) < 500, answer[:200]


def test_what_follows_an_answered_request_and_is_none_is_refused_too(web: Group) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as connection:
        for sent, expected in ((b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200), (b"nonsense\r\n\r\n", 400)):
            connection.sendall(sent)
            assert status(one_answer(connection)) == expected
