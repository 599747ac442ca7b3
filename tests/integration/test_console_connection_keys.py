"""Keys of connections, set on the page: tested with Klaviyo first, never shown, for admins only."""

from __future__ import annotations

import pytest
import requests
from redis import Redis

from console.auth.roles import Role
from queues import audit
from queues.connections import account_keys, accounts
from queues.connections.accounts import Cipher
from tests.support.console import Console
from tests.support.pages import press, said
from tests.support.world import SECRET, World

KEYS = [
    {"key": "pk_test"},
    {"key": "pk_c"},
    {"key": "pk_c2"},
    {"key": "pk_other", "account": "OtHeR1"},
    {"key": "pk_plain", "scopes": ["accounts:read", "lists:read", "lists:write", "profiles:read", "profiles:write"]},
]


@pytest.fixture
def admin(linked: Console, world: World) -> requests.Session:
    """An admin, beside a Klaviyo that knows these keys."""
    world.control("keys", keys=KEYS)
    return linked.browser(Role.ADMIN)


def get(served: Console, browser: requests.Session, path: str) -> requests.Response:
    answer = browser.get(served.url + path, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer


def add(served: Console, admin: requests.Session, name: str, key: str) -> requests.Response:
    return press(admin, get(served, admin, "/connections/add"), "Test and add", name=name, key=key)


def stored(redis: Redis, name: str = "brand-c") -> str | None:
    return accounts.key_of(redis, name, Cipher([SECRET]))


def test_a_connection_is_added_after_a_test_and_its_key_is_never_shown(
    linked: Console, admin: requests.Session, redis: Redis
) -> None:
    assert 'type="password"' in get(linked, admin, "/connections/add").text
    added = add(linked, admin, "brand-c", "pk_plain")
    text = said(added.text)
    assert added.status_code == 200
    assert "brand-c was added: account Emulator (EmULat)" in text
    assert "events:write missing : events are held in their queue" in text
    assert stored(redis) == "pk_plain"
    listed = get(linked, admin, "/connections").text
    assert 'href="/connections/brand-c/key"' in listed
    assert "pk_plain" not in added.text + listed + get(linked, admin, "/audit").text
    (entry,) = [each for each in audit.read(redis, 9) if each.what == "connection added"]
    assert (entry.who, entry.on) == ("web:admin", "brand-c")


def test_a_second_connection_of_an_account_is_added_with_a_warning(linked: Console, admin: requests.Session) -> None:
    add(linked, admin, "brand-c", "pk_c")
    assert "brand-c also uses this account" in said(add(linked, admin, "brand-d", "pk_c2").text)


@pytest.mark.parametrize(
    ("name", "key", "why"),
    [
        ("brand-c", "pk_nobody", "Nothing was stored"),
        ("brand-c", "sk_c", "that is not a key"),
        ("brand-c", "", "The Klaviyo key is empty"),
        ("mparticle-7", "pk_c", "a name has up to 40 lower-case letters"),
        ("default", "pk_c", "default already has a key"),
    ],
)
def test_what_cannot_be_added_is_refused_with_the_reason_and_nothing_is_stored(
    linked: Console, admin: requests.Session, redis: Redis, name: str, key: str, why: str
) -> None:
    refused = add(linked, admin, name, key)
    assert (refused.status_code, why in said(refused.text)) == (400, True), said(refused.text)
    assert f'value="{name}"' in refused.text
    assert not key or key not in refused.text
    assert accounts.with_key(redis) == []


def test_a_key_is_replaced_within_its_account_and_to_another_one_only_when_ticked(
    linked: Console, admin: requests.Session, redis: Redis
) -> None:
    add(linked, admin, "brand-c", "pk_c")
    form = get(linked, admin, "/connections/brand-c/key")
    replaced = press(admin, form, "Test and replace", key="pk_c2")
    assert "brand-c has the new key: account Emulator (EmULat)" in said(replaced.text)
    assert stored(redis) == "pk_c2"
    unlike = press(admin, form, "Test and replace", key="pk_other")
    assert (unlike.status_code, "The old key stays" in said(unlike.text)) == (400, True)
    assert stored(redis) == "pk_c2"
    press(admin, unlike, "Test and replace", key="pk_other", other_account="yes")
    assert stored(redis) == "pk_other"
    assert [entry.outcome for entry in audit.read(redis, 9) if entry.what == "key rotated"] == [
        "to another account",
        audit.DONE,
    ]


def test_a_key_that_ferry_does_not_store_is_not_replaced_here(linked: Console, admin: requests.Session) -> None:
    page = get(linked, admin, "/connections/default/key")
    assert "change apiKey in the CDP" in said(page.text)
    assert 'type="password"' not in page.text
    assert admin.get(f"{linked.url}/connections/nowhere/key", timeout=30).status_code == 404


def test_a_key_from_a_message_is_undone_after_a_question_and_once(
    linked: Console, admin: requests.Session, redis: Redis
) -> None:
    asked = get(linked, admin, "/connections/default/undo-key")
    assert account_keys.fingerprint("pk_test") in asked.text
    after = press(admin, asked, "Undo the key")
    assert after.url == f"{linked.url}/connections"
    assert "You undid the key of default" in said(after.text)
    assert admin.get(f"{linked.url}/connections/default/undo-key", timeout=30).status_code == 409
    assert press(admin, asked, "Undo the key").status_code == 409
    assert [entry.who for entry in audit.read(redis, 9) if entry.what == "key undone"] == ["web:admin"]


def test_who_is_no_admin_sees_no_way_to_set_a_key(linked: Console) -> None:
    page = get(linked, linked.browser(Role.OPERATOR), "/connections").text
    assert "/connections/default/test" in page
    assert "/connections/default/key" not in page
    assert "/connections/add" not in page
