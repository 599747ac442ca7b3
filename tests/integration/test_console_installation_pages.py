"""The pages of an installation: users, senders, alerts, the audit log's filter, and the preview of a message."""

from __future__ import annotations

import json
import re

import pytest
import requests
from redis import Redis

from configuration.alerts import Alerting
from console.auth.roles import Role
from queues import alerts, audit, users
from queues.alerts import Alert, Raised
from queues.clock import now_ms
from tests.support.alerts import receiving
from tests.support.console import Console, console
from tests.support.pages import buttons, press, said


@pytest.fixture
def admin(served: Console) -> requests.Session:
    """Somebody who may manage users."""
    return served.browser(Role.ADMIN)


def get(served: Console, browser: requests.Session, path: str) -> requests.Response:
    answer = browser.get(served.url + path, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer


def test_a_user_is_added_with_a_token_that_is_shown_once_and_works(
    served: Console, admin: requests.Session, redis: Redis
) -> None:
    form = get(served, admin, "/users")
    added = press(admin, form, "Add user", name="ann", role="operator")
    (token,) = re.findall(r"ferry_[\w-]{43}", added.text)
    assert token not in get(served, admin, "/users").text
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.get(f"{served.url}/v1/audit", headers=headers, timeout=30).status_code == 200
    assert audit.read(redis, 1)[0].what == "user added"


@pytest.mark.parametrize("name", ["", "admin", "Ann Smith", "ann@example.com", "viewer"])
def test_an_invalid_or_known_name_is_refused_and_nobody_is_added(
    served: Console, admin: requests.Session, redis: Redis, name: str
) -> None:
    before = users.everyone(redis)
    answer = press(admin, get(served, admin, "/users"), "Add user", name=name, role="admin")
    assert (answer.status_code, 'aria-invalid="true"' in answer.text) == (400, True)
    assert users.everyone(redis) == before


def test_a_role_is_changed_and_the_token_stays(served: Console, admin: requests.Session, redis: Redis) -> None:
    before = users.everyone(redis)["viewer"]
    form = {"csrf": served.csrf(admin, "/users"), "role": "operator"}
    admin.post(f"{served.url}/users/viewer/role", form, timeout=30)
    after = users.everyone(redis)["viewer"]
    assert (after.role, after.hash, after.since) == (Role.OPERATOR, before.hash, before.since)
    assert requests.get(f"{served.url}/v1/audit", headers=served.bearer(Role.VIEWER), timeout=30).status_code == 200
    gone = admin.post(f"{served.url}/users/nobody/role", form, timeout=30)
    assert gone.status_code == 404
    wrong = admin.post(f"{served.url}/users/viewer/role", {**form, "role": "nobody"}, timeout=30)
    assert wrong.status_code == 400


def test_a_user_is_removed_after_a_question(served: Console, admin: requests.Session, redis: Redis) -> None:
    asked = get(served, admin, "/users/viewer/remove")
    assert "Remove viewer?" in said(asked.text)
    assert "viewer" in users.everyone(redis)
    press(admin, asked, "Remove viewer")
    assert "viewer" not in users.everyone(redis)
    assert admin.get(f"{served.url}/users/viewer/remove", timeout=30).status_code == 404


def test_the_key_of_a_connection_is_tested_with_klaviyo(linked: Console, redis: Redis) -> None:
    browser = linked.browser(Role.OPERATOR)
    form = {"csrf": linked.csrf(browser, "/connections")}
    tested = browser.post(f"{linked.url}/connections/default/test", form, timeout=60)
    assert "profiles:write granted" in said(tested.text)
    assert browser.post(f"{linked.url}/connections/nowhere/test", form, timeout=60).status_code == 404
    assert audit.read(redis, 1)[0].what == "connection tested"


def test_senders_stand_there_without_their_tokens(served: Console) -> None:
    text = get(served, served.browser(Role.VIEWER), "/senders").text
    assert "Requests" in said(text)
    assert "s3cret" not in text


def test_the_audit_is_narrowed_by_user_action_and_target(served: Console, redis: Redis) -> None:
    for number in range(120):
        audit.note(redis, "cli:root", "flush", f"default/audience/{number}")
    audit.note(redis, "web:ann", "hold", "default/audience/7")
    browser = served.browser(Role.OPERATOR)
    assert said(get(served, browser, "/audit?who=ann").text).count("default/audience") == 1
    page = get(served, browser, "/audit?what=flush").text
    assert page.count("cli:root") == 100
    (link,) = re.findall(r'href="(/audit\?what=flush&amp;before=[^"]+)"', page)
    assert get(served, browser, link.replace("&amp;", "&")).text.count("cli:root") == 20
    assert "No earlier entries match" in said(get(served, browser, "/audit?on=nowhere").text)


MESSAGE = {
    "audience": {"id": "42", "name": "VIPs"},
    "changes": [{"action": "add", "email": "ann@example.com"}, {"action": "add", "email": "no address"}],
}


def test_a_pasted_message_shows_what_each_person_would_become_and_is_not_stored(
    served: Console, admin: requests.Session, redis: Redis
) -> None:
    form = get(served, admin, "/preview")
    shown = press(admin, form, "Preview", source="changes", connection="default", message=json.dumps(MESSAGE))
    text = said(shown.text)
    assert "VIPs default/audience/42" in text
    assert "Add change #0" in text
    assert "ann@example.com" in text
    assert "Dead letter: email_invalid" in text
    assert not list(redis.scan_iter("ferry:{*}queue*"))


@pytest.mark.parametrize(
    ("source", "message", "why"),
    [("changes", "{", "The answer would be 400"), ("nonsense", "{}", "choose the format"), ("changes", "", "would be")],
)
def test_a_message_that_would_be_refused_says_so(
    served: Console, admin: requests.Session, source: str, message: str, why: str
) -> None:
    form = get(served, admin, "/preview")
    answer = press(admin, form, "Preview", source=source, connection="default", message=message)
    assert (answer.status_code, why in said(answer.text)) == (400, True)


def test_raised_alerts_stand_there_with_what_to_do_and_without_channels_nothing_can_be_tested(
    served: Console, redis: Redis
) -> None:
    alert = Alert("no_worker", "no_worker_minutes", "worker", "No worker has listened", "Start `ferry worker`")
    alerts.remember(redis, [Raised(alert, now_ms() - 60_000, told=frozenset({"slack"}))])
    page = get(served, served.browser(Role.OPERATOR), "/alerts").text
    text = said(page)
    assert "No channel is configured" in text
    assert "No worker has listened" in text
    assert "Start ferry worker slack" in text
    assert "no_worker_minutes 5" in text
    assert buttons(page) == []


def test_a_test_alert_reaches_the_channels_and_its_result_is_shown(redis: Redis, redis_url: str) -> None:
    with receiving() as posts:
        channels = Alerting(slack=posts.url)
        with console(redis_url, alerts=channels) as served:
            browser = served.browser(Role.OPERATOR)
            sent = press(browser, get(served, browser, "/alerts"), "Send a test")
    assert "slack: the test arrived." in said(sent.text)
    assert len(posts.bodies) == 1
    assert audit.read(redis, 1)[0].what == "alerts tested"
