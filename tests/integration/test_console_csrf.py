"""No other page can make a signed-in browser do anything, whatever address it finds; made of the table of addresses."""

from __future__ import annotations

import pytest
import requests

from console.auth.roles import ROUTES, Role
from tests.support.console import Console, filled

#: Every address where somebody who is signed in may do something.
ACTS = sorted((path, method) for (path, method), role in ROUTES.items() if method != "GET" and role is not Role.NOBODY)


def act(
    untried: Console,
    browser: requests.Session,
    path: str,
    method: str,
    form: dict[str, str] | None = None,
    **headers: str,
) -> requests.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return browser.request(
        method, untried.url + filled(path), data=form, headers=sent, timeout=30, allow_redirects=False
    )


def is_foreign(answer: requests.Response) -> bool:
    return answer.status_code == 403 and "did not come from a page of Ferry" in answer.text


@pytest.mark.parametrize(("path", "method"), ACTS)
def test_a_cookie_alone_does_nothing(untried: Console, path: str, method: str) -> None:
    browser, other = untried.browser(Role.ADMIN), untried.browser(Role.ADMIN)
    of_another_session = untried.csrf(other)
    for form in (None, {"csrf": ""}, {"csrf": "x"}, {"csrf": of_another_session}, {"csrf": "é"}):
        assert is_foreign(act(untried, browser, path, method, form)), form
    assert is_foreign(act(untried, browser, path, method, X_CSRF_Token=of_another_session))
    assert browser.get(f"{untried.url}/audit", timeout=30).status_code == 200, "it goes on as before"


@pytest.mark.parametrize(("path", "method"), ACTS)
def test_the_sessions_own_token_lets_it_act_from_a_form_and_from_a_script(
    untried: Console, path: str, method: str
) -> None:
    browser = untried.browser(Role.ADMIN)
    assert not is_foreign(act(untried, browser, path, method, {"csrf": untried.csrf(browser)}))
    browser = untried.browser(Role.ADMIN)
    assert not is_foreign(act(untried, browser, path, method, X_CSRF_Token=untried.csrf(browser)))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(("path", "method"), [*ACTS, ("/sign-in", "POST")])
def test_what_the_browser_itself_calls_foreign_is_refused(untried: Console, path: str, method: str, site: str) -> None:
    browser = untried.browser(Role.ADMIN)
    assert is_foreign(act(untried, browser, path, method, {"csrf": untried.csrf(browser)}, Sec_Fetch_Site=site))


@pytest.mark.parametrize(("path", "method"), ACTS)
def test_a_program_with_a_bearer_token_needs_no_other(untried: Console, path: str, method: str) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", **untried.bearer(Role.ADMIN)}
    answer = act(untried, requests.Session(), path, method, None, **headers)
    assert not is_foreign(answer)


def test_a_body_without_length_or_of_any_length_is_not_read(untried: Console) -> None:
    browser = untried.browser(Role.ADMIN)
    csrf = {"X-CSRF-Token": untried.csrf(browser)}
    for data, status in ((iter([b"a=b"]), 411), (b"a" * 65_537, 413)):
        answer = browser.post(f"{untried.url}/sign-out", data, headers=csrf, timeout=30, allow_redirects=False)
        assert answer.status_code == status
