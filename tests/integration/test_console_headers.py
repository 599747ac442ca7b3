"""What every answer tells the browser to beware of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import requests

from console.auth.roles import Role
from console.auth.sessions import COOKIE
from console.responses import takes_gzip
from tests.support.console import ADMIN, Console, console

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
TLS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}


@pytest.fixture(scope="module")
def served(redis_server: str) -> Iterator[Console]:
    with console(redis_server) as running:
        yield running


def get(served: Console, path: str, **headers: str) -> requests.Response:
    sent = {"Accept": "text/html"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(served.url + path, headers=sent, timeout=30, allow_redirects=False)


@pytest.mark.parametrize("path", ["/sign-in", "/audit", "/sign-out", "/static/ferry.css", "/static/nothing"])
def test_every_answer_has_a_strict_policy(served: Console, path: str) -> None:
    answer = get(served, path)
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Server" not in answer.headers


def test_a_request_keeps_the_id_it_came_with(served: Console) -> None:
    assert get(served, "/sign-in", X_Request_ID="router-0123456789").headers["X-Request-ID"] == "router-0123456789"


def test_pages_are_kept_by_nobody_and_files_by_their_version(served: Console) -> None:
    page = get(served, "/sign-in")
    assert page.headers["Cache-Control"] == "no-store"
    assert get(served, "/audit", **served.bearer(Role.ADMIN)).headers["Cache-Control"] == "no-store"
    address = page.text.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
    style = get(served, address)
    assert (style.status_code, style.headers["Content-Type"]) == (200, "text/css")
    assert "immutable" in style.headers["Cache-Control"]
    assert get(served, "/static/ferry.css?v=of-before").headers["Cache-Control"] == "no-cache"


def test_over_tls_browsers_are_told_to_stay_there_and_the_cookie_with_them(served: Console) -> None:
    assert "Strict-Transport-Security" not in get(served, "/sign-in").headers
    assert get(served, "/sign-in", **TLS).headers["Strict-Transport-Security"] == "max-age=31536000"
    for headers, secure in ((TLS, True), ({}, False)):
        answer = requests.post(
            f"{served.url}/sign-in", {"token": ADMIN}, headers=headers, timeout=30, allow_redirects=False
        )
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith(COOKIE)
        words = {word.strip() for word in cookie.split(";")[1:]}
        assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} <= words
        assert ("Secure" in words) == secure, "plain http on this machine alone"


def test_pages_hold_neither_styles_nor_scripts_of_their_own(served: Console) -> None:
    page = get(served, "/sign-in").text + served.browser(Role.ADMIN).get(f"{served.url}/audit", timeout=30).text
    for forbidden in ("style=", "<style", "onclick", "javascript:", "<script>"):
        assert forbidden not in page


def test_scripts_are_those_of_the_package_with_a_licence_beside_what_is_not_ours(served: Console) -> None:
    page = get(served, "/sign-in").text
    scripts = re.findall(r'<script src="([^"]+)" defer></script>', page)
    names = [re.sub(r"^/static/|\?v=\w{12}$", "", script) for script in scripts]
    assert names == ["htmx.min.js", "times.js", "live.js"]
    assert page.count("<script") == len(scripts)
    for script in scripts:
        answer = get(served, script)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/javascript")
        assert "immutable" in answer.headers["Cache-Control"]
    assert "Zero-Clause BSD" in get(served, "/static/htmx.LICENSE.txt").text


def test_htmx_is_told_to_write_no_style_and_to_put_no_error_in_the_place_of_what_is_shown(served: Console) -> None:
    told = re.search(r"<meta name=\"htmx-config\" content='([^']+)'>", get(served, "/sign-in").text)
    assert told is not None
    config = json.loads(told[1])
    assert config["includeIndicatorCSS"] is False
    assert {"4xx", "5xx"} <= set(config["noSwap"])


def test_a_page_goes_compressed_to_whoever_takes_it(served: Console) -> None:
    admin = served.browser(Role.ADMIN)
    plain = admin.get(f"{served.url}/", headers={"Accept-Encoding": "identity"}, timeout=30)
    small = admin.get(f"{served.url}/", headers={"Accept-Encoding": "br, gzip"}, timeout=30)
    assert ("Content-Encoding" in plain.headers, small.headers["Content-Encoding"]) == (False, "gzip")
    assert {plain.headers["Vary"], small.headers["Vary"]} == {"Accept-Encoding"}, "a cache keeps both"
    assert int(small.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 2
    for page in (plain, small):
        assert page.text.rstrip().endswith("</html>")
        assert page.headers["Content-Type"] == "text/html;charset=utf-8"


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        ("gzip", True),
        ("br;q=1.0, GZIP ; q=0.5", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("x-gzip", False),
    ],
)
def test_nobody_gets_what_they_do_not_take(accepted: str, takes: bool) -> None:
    assert takes_gzip(accepted) == takes


def test_an_error_is_a_page_for_people_and_json_for_programs(served: Console) -> None:
    answer = get(served, "/static/nothing")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Back to the overview" in answer.text
    answer = get(served, "/static/nothing", Accept="application/json")
    assert answer.json()["error"]["title"] == "Not Found"


def test_an_unknown_address_is_a_page_for_people_and_json_for_programs(served: Console) -> None:
    answer = get(served, "/nowhere")
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (404, "text/html")
    assert "Back to the overview" in answer.text
    assert get(served, "/nowhere", Accept="application/json").json()["error"]["title"] == "Not Found"
    assert get(served, "/v1/nowhere").json()["error"]["title"] == "Not Found"


def test_a_file_of_the_package_and_no_other_is_served(served: Console) -> None:
    for path in ("/static/..%2faccess.py", "/static/%2e%2e/access.py", "/static/../access.py"):
        prepared = requests.Request("GET", served.url).prepare()
        prepared.url = served.url + path
        assert requests.Session().send(prepared, timeout=30).status_code in (401, 404), path


def test_a_query_that_is_not_ascii_is_no_defect(served: Console) -> None:
    prepared = requests.Request("GET", served.url).prepare()
    prepared.url = f"{served.url}/sign-in?next=/audit&x=\xe9"
    assert requests.Session().send(prepared, timeout=30).status_code == 200
