"""Signing in and out: who gets a session, and when it ends."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from redis import Redis

from configuration.checks import networks
from console.auth import sessions
from console.auth.roles import Role
from console.auth.sessions import COOKIE
from console.auth.waiting_room import FREE, PLACES, wait_s
from queues import audit, keys, sign_in_links, users
from tests.support.console import ADMIN, SECRET, TOKENS, Console, add_users, console, csrf_in, make
from tests.support.intake import TOKEN, known, running


def sign_in(untried: Console, token: str, onward: str = "/audit", **headers: str) -> requests.Response:
    sent = {"Accept": "text/html"} | {name.replace("_", "-"): value for name, value in headers.items()}
    form = {"token": token, "next": onward}
    return requests.post(f"{untried.url}/sign-in", form, headers=sent, timeout=30, allow_redirects=False)


def at(untried: Console, browser: requests.Session, path: str = "/audit", **headers: str) -> requests.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return browser.get(untried.url + path, headers=sent, timeout=30, allow_redirects=False)


def test_a_browser_without_a_session_comes_to_the_sign_in_page_and_from_there_to_where_it_wanted(
    untried: Console,
) -> None:
    browser = untried.browser()
    answer = at(untried, browser, "/audit?before=1-0")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=/audit%3Fbefore%3D1-0")
    page = at(untried, browser, answer.headers["Location"])
    assert 'name="next" value="/audit?before=1-0"' in page.text
    answer = sign_in(untried, ADMIN, "/audit?before=1-0")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/audit?before=1-0")


@pytest.mark.parametrize("role", TOKENS, ids=str)
def test_a_token_alone_says_who_signs_in(untried: Console, redis: Redis, role: Role) -> None:
    browser = untried.browser(role)
    assert at(untried, browser).status_code == (403 if role is Role.VIEWER else 200)
    assert f"<strong>{role}</strong>" in at(untried, browser).text, "name and role stand on every page"
    (entry,) = audit.read(redis, 10)
    assert (entry.who, entry.what, entry.outcome) == (f"web:{role}", "sign-in", "done")


def test_spaces_around_a_token_that_was_pasted_do_not_matter(untried: Console) -> None:
    assert sign_in(untried, f" {ADMIN}\r\n").status_code == 303


@pytest.mark.parametrize("token", ["", "x", TOKEN, users.digest(ADMIN), ADMIN[:-1], "é\u2028"])
def test_a_wrong_token_gets_no_session(untried: Console, token: str) -> None:
    answer = sign_in(untried, token)
    assert answer.status_code == 401
    assert "This token is not valid" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_refused_sign_in_is_in_the_audit_without_the_token(untried: Console, redis: Redis) -> None:
    sign_in(untried, "my-token-for-something-else")
    (entry,) = audit.read(redis, 10)
    assert (entry.who, entry.what, entry.outcome) == ("web", "sign-in refused", "wrong token")
    assert "my-token" not in repr(redis.xrange(keys.AUDIT))


def elsewhere(address: str) -> dict[str, str]:
    return {"X_Forwarded_For": address, "X_Forwarded_Proto": "https"}


def test_wrong_tokens_make_the_next_try_of_their_address_wait_and_the_right_one_gets_in(untried: Console) -> None:
    for _ in range(FREE + 2):
        assert sign_in(untried, "wrong").status_code == 401
    started = time.monotonic()
    assert sign_in(untried, ADMIN).status_code == 303
    assert time.monotonic() - started >= wait_s(FREE + 2) - 0.1


def test_of_many_tries_at_once_a_few_wait_and_the_others_are_refused(untried: Console) -> None:
    for _ in range(FREE + 3):
        sign_in(untried, "wrong")
    with ThreadPoolExecutor(3 * PLACES) as threads:
        answers = list(threads.map(lambda _: sign_in(untried, "wrong"), range(3 * PLACES)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= PLACES
    assert {answer.headers["Retry-After"] for answer in refused} == {"2"}
    assert sign_in(untried, ADMIN, **elsewhere("198.51.100.7")).status_code == 303


def test_wrong_tokens_from_everywhere_keep_nobody_out(untried: Console) -> None:
    for n in range(40):
        assert sign_in(untried, "wrong", **elsewhere(f"198.51.100.{n}")).status_code == 401
    assert sign_in(untried, ADMIN, **elsewhere("203.0.113.7")).status_code == 303


def waits(untried: Console, address: str) -> bool:
    """Whether a try of this address waits: four at once hold all its places, so that of twelve some are refused."""
    with ThreadPoolExecutor(3 * PLACES) as threads:
        answers = list(threads.map(lambda _: sign_in(untried, "x", **elsewhere(address)).status_code, range(12)))
    return 429 in answers


def test_what_is_made_up_in_front_of_the_proxys_address_changes_nothing(untried: Console) -> None:
    for n in range(FREE + 3):
        sign_in(untried, "wrong", **elsewhere(f"203.0.113.{n}, 198.51.100.7"))
    assert waits(untried, "203.0.113.99, 198.51.100.7")


def test_an_address_that_nobody_trusts_cannot_name_another(redis_url: str) -> None:
    with console(redis_url, trusted_proxies=networks(["192.0.2.1"])) as direct:
        for n in range(FREE + 3):
            sign_in(direct, "wrong", **elsewhere(f"198.51.100.{n}"))
        assert waits(direct, "203.0.113.7"), "it is the same peer, whatever it says"


def test_who_signs_in_rightly_is_never_throttled(untried: Console) -> None:
    assert {sign_in(untried, ADMIN).status_code for _ in range(25)} == {303}


def test_guesses_do_not_push_what_people_did_out_of_the_audit(untried: Console, redis: Redis) -> None:
    for n in range(25):
        sign_in(untried, "wrong", X_Forwarded_For=f"198.51.100.{n}", X_Forwarded_Proto="https")
        headers = {"Authorization": "Bearer wrong", "X-Forwarded-For": f"198.51.100.{n}"}
        requests.get(f"{untried.url}/audit", headers=headers, timeout=30)
    assert len(audit.read(redis, 100)) == 6


def test_wrong_bearer_tokens_shut_out_nobody(untried: Console) -> None:
    def bearer(token: str, address: str) -> int:
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": address}
        return requests.get(f"{untried.url}/audit", headers=headers, timeout=30).status_code

    for n in range(30):
        assert bearer("wrong", f"198.51.100.{n}") == 401
    assert {bearer("wrong", "203.0.113.7") for _ in range(FREE + 2)} == {401}
    assert bearer(ADMIN, "203.0.113.7") == 200
    assert bearer(ADMIN, "203.0.113.8") == 200


def test_a_removed_users_session_ends_at_once(untried: Console, redis: Redis) -> None:
    browser = untried.browser(Role.OPERATOR)
    assert at(untried, browser).status_code == 200
    assert users.remove(redis, "operator")
    assert at(untried, browser).status_code == 303
    add_users(redis)
    assert at(untried, browser).status_code == 200, "with the same token, it is the same user"


def test_a_user_with_another_token_has_none_of_the_sessions_of_before(untried: Console, redis: Redis) -> None:
    browser = untried.browser(Role.OPERATOR)
    users.remove(redis, "operator")
    users.add(redis, users.User("operator", Role.ADMIN, users.digest(users.new_token()), 1))
    assert at(untried, browser).status_code == 303


def test_a_session_has_the_role_that_the_user_has_now(untried: Console, redis: Redis) -> None:
    browser = untried.browser(Role.OPERATOR)
    users.remove(redis, "operator")
    users.add(redis, users.User("operator", Role.VIEWER, users.digest(TOKENS[Role.OPERATOR]), 1))
    assert at(untried, browser).status_code == 403


def test_signing_out_ends_the_session_also_for_a_copy_of_its_cookie(untried: Console, redis: Redis) -> None:
    browser = untried.browser(Role.OPERATOR)
    copy = browser.cookies[COOKIE]
    form = {"csrf": untried.csrf(browser)}
    answer = browser.post(f"{untried.url}/sign-out", form, timeout=30, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    assert COOKIE not in browser.cookies
    stolen = untried.browser()
    stolen.cookies.set(COOKIE, copy)
    assert at(untried, stolen).status_code == 303
    assert [entry.what for entry in audit.read(redis, 10)] == ["sign-out", "sign-in"]
    assert 0 < int(redis.ttl(next(redis.scan_iter("ferry:signed-out:*")))) <= sessions.LASTS


def old_session(seconds: int) -> dict[str, str]:
    """The cookie of an operator who signed in so long ago."""
    user = users.User("operator", Role.OPERATOR, users.digest(TOKENS[Role.OPERATOR]), 1)
    made = sessions.Sessions((SECRET,)).cookie(sessions.begun(user), int(time.time()) - seconds)
    return {"Cookie": f"{COOKIE}={made}", "Accept": "text/html"}


@pytest.mark.parametrize(("seconds", "renewed"), [(60, False), (sessions.RENEWED + 60, True)])
def test_who_looks_at_pages_stays_signed_in(untried: Console, seconds: int, renewed: bool) -> None:
    answer = requests.get(f"{untried.url}/audit", headers=old_session(seconds), timeout=30)
    assert answer.status_code == 200
    assert ("Set-Cookie" in answer.headers) == renewed


def test_a_renewed_session_keeps_the_token_of_the_forms_that_are_open(untried: Console) -> None:
    headers = old_session(sessions.RENEWED + 60)
    first = requests.get(f"{untried.url}/audit", headers=headers, timeout=30)
    renewed = {"Cookie": first.headers["Set-Cookie"].partition(";")[0].replace('"', "")}
    second = requests.get(f"{untried.url}/audit", headers=headers | renewed, timeout=30)
    assert csrf_in(first.text) == csrf_in(second.text) != ""


def test_a_page_that_only_polls_lets_its_session_end(untried: Console) -> None:
    headers = old_session(sessions.RENEWED + 60) | {"HX-Request": "true"}
    answer = requests.get(f"{untried.url}/audit", headers=headers, timeout=30)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (200, False)
    headers = old_session(sessions.LASTS + 60) | {"HX-Request": "true"}
    answer = requests.get(f"{untried.url}/audit", headers=headers, timeout=30)
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (401, "true")


def test_a_session_of_thirteen_hours_ago_is_over(untried: Console) -> None:
    headers = old_session(13 * 3600)
    assert requests.get(f"{untried.url}/audit", headers=headers, timeout=30, allow_redirects=False).status_code == 303


def test_a_wrong_bearer_token_is_not_made_good_by_a_session(untried: Console) -> None:
    browser = untried.browser(Role.OPERATOR)
    assert at(untried, browser, Authorization="Bearer wrong").status_code == 401


def test_a_link_from_elsewhere_leads_on_without_signing_in_again(untried: Console) -> None:
    """The cookie does not come with a link of another site, such as an alert's; with one of our own page it does."""
    browser = untried.browser()
    assert 'href="/audit">Continue' in at(untried, browser, "/sign-in?next=/audit", Sec_Fetch_Site="cross-site").text
    assert "Continue" not in at(untried, browser, "/sign-in?next=/audit", Sec_Fetch_Site="same-origin").text


def test_without_a_secret_key_the_page_says_what_to_set_and_tokens_work(untried: Console, redis_url: str) -> None:
    with console(redis_url, secret_keys=()) as bare:
        page = requests.get(f"{bare.url}/sign-in", timeout=30)
        assert "FERRY_SECRET_KEY is not set" in page.text
        assert 'name="token"' not in page.text
        assert sign_in(bare, ADMIN).status_code == 403
        assert requests.get(f"{bare.url}/audit", headers=bare.bearer(Role.ADMIN), timeout=30).status_code == 200


def test_without_any_user_the_page_says_how_to_make_one(untried: Console, redis: Redis, redis_url: str) -> None:
    with console(redis_url, admin_token=None) as bare:
        redis.delete(keys.USERS)
        page = requests.get(f"{bare.url}/sign-in", timeout=30)
        assert "ferry users add NAME --role admin" in page.text
        assert sign_in(bare, "").status_code == 403
        headers = {"Authorization": "Bearer "}
        assert requests.get(f"{bare.url}/audit", headers=headers, timeout=30).status_code == 401


def test_over_plain_http_nobody_is_asked_for_a_token(untried: Console) -> None:
    page = requests.get(f"{untried.url}/sign-in", headers={"Host": "ferry.example.com"}, timeout=30)
    assert "over plain http" in page.text
    assert sign_in(untried, ADMIN, Host="ferry.example.com").status_code == 403


def test_when_redis_is_away_the_console_says_so() -> None:
    settings = known("redis://127.0.0.1:1/0", secret_keys=(SECRET,), admin_token=ADMIN)
    with running(settings, make) as alone:
        answer = requests.get(f"{alone.url}/sign-in", headers={"Accept": "text/html"}, timeout=60)
        assert answer.status_code == 503
        assert "Redis cannot be used" in answer.text
        answer = alone.get("/audit", ADMIN)
        assert (answer.status_code, answer.json()["error"]["title"]) == (503, "Redis cannot be used")


def by_link(untried: Console, link: str, **headers: str) -> requests.Response:
    sent = {"Accept": "text/html"} | {name.replace("_", "-"): value for name, value in headers.items()}
    form = {"link": link, "next": "/audit"}
    return requests.post(f"{untried.url}/sign-in", form, headers=sent, timeout=30, allow_redirects=False)


def test_a_link_signs_in_once(untried: Console, redis: Redis) -> None:
    link = sign_in_links.make(redis, users.ADMIN)
    page = at(untried, untried.browser(), f"/sign-in?link={link}&next=/audit")
    assert f'name="link" value="{link}"' in page.text
    assert "Set-Cookie" not in page.headers, "what only looks at the address does not use it up"
    answer = by_link(untried, link)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/audit")
    browser = untried.browser()
    browser.cookies.update(answer.cookies)
    assert "<strong>admin</strong>" in at(untried, browser).text
    again = by_link(untried, link)
    assert (again.status_code, "it works once, within a minute" in again.text) == (401, True)
    entries = [(entry.who, entry.what, entry.outcome) for entry in audit.read(redis, 10)]
    assert entries == [("web", "sign-in refused", "invalid link"), ("web:admin", "sign-in", "by a link")]


def test_a_link_expires_and_is_not_kept(untried: Console, redis: Redis) -> None:
    link = sign_in_links.make(redis, users.ADMIN)
    (key,) = redis.keys("ferry:sign-in:*")
    assert 0 < redis.ttl(key) <= 60
    assert link not in repr(key)
    redis.expire(key, 0)
    assert by_link(untried, link).status_code == 401


@pytest.mark.parametrize("headers", [elsewhere("198.51.100.7"), {"Host": "ferry.example.com"}])
def test_a_link_works_on_this_machine_alone(untried: Console, redis: Redis, headers: dict[str, str]) -> None:
    link = sign_in_links.make(redis, users.ADMIN)
    assert by_link(untried, link, **headers).status_code in (401, 403)
    assert by_link(untried, link).status_code == 303, "it was not used up"


@pytest.mark.parametrize("user", ["nobody", "viewer"])
def test_a_link_is_of_a_user(untried: Console, redis: Redis, user: str) -> None:
    expected = 303 if user == "viewer" else 401
    assert by_link(untried, sign_in_links.make(redis, user)).status_code == expected


@pytest.mark.parametrize("link", ["", "x", ADMIN, "é\u2028", "x" * 5_000])
def test_what_is_no_link_signs_nobody_in(untried: Console, link: str) -> None:
    answer = by_link(untried, link)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (401, False)
