"""What a message says of keys, settings and lists: it counts for its own account, and never for what settings name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import Result
from redis import Redis

from alerts.facts import look
from alerts.rules import judged
from configuration.alerts import Limits
from configuration.connections import Connection, Connections
from configuration.senders import Sender
from configuration.settings import Settings, Token
from queues import audit, keys, pending
from queues.clock import now_ms
from queues.connections import account_keys, accounts, key_changes
from queues.connections.account_keys import fingerprint
from queues.connections.accounts import AccountSettings, Cipher
from queues.names import Queue
from queues.users import Role
from tests.support.console import Console, console
from tests.support.intake import TOKEN, Intake, running
from tests.support.ops import ferry
from tests.support.posted import ACCOUNT, PATH, SECRET, membership, message
from worker.connection import usable_key

TRUSTED: Final = "a token whose keys are accepted"
CIPHER: Final = Cipher([SECRET])
#: `account` of a message -> the connection that settings name for it.
NAMED: Final[dict[str, dict[str, Any]]] = {"default": {}, "brand_b": {"account_id": 2}}
OWN: Final = {"account_id": 7}
KINDS: Final[dict[str, Callable[..., dict[str, Any]]]] = {
    "membership": partial(membership, "ann@example.com"),
    "subscription": partial(message, "audience_subscription", audience_id=456, audience_name="VIPs", action="add"),
    "events": partial(message, "event_processing", mpid="1"),
    "erasure": partial(
        message,
        "dsr_processing",
        subject_request_type="erasure",
        subject_identities={"email": {"value": "ann@example.com", "encoding": "raw"}},
    ),
}


def connections() -> Connections:
    return Connections(
        {"default": Connection("default", "pk_own"), "brand_b": Connection("brand_b", "pk_b", mparticle_account=2)}
    )


def known(redis_url: str) -> Settings:
    return Settings(
        redis_url,
        connections(),
        tokens=(Token("mparticle", TOKEN),),
        senders=(Sender("trusted", (TRUSTED,), accept_keys=True),),
        secret_keys=(SECRET,),
    )


@pytest.fixture
def keyed(redis_url: str) -> Iterator[Intake]:
    """An intake with a sender whose keys count and one whose do not."""
    with running(known(redis_url)) as intake:
        yield intake


@pytest.fixture
def command(redis_url: str, tmp_path: Path) -> Callable[..., Result]:
    """`ferry`, with the keys of `connections`."""
    file = tmp_path / "connections.toml"
    file.write_text("[connections.brand_b]\napi_key_env = 'KEY_B'\nmparticle_account = 2\n")
    env = {"FERRY_CONNECTIONS": str(file), "KEY_B": "pk_b", "KLAVIYO_API_KEY": "pk_own", "FERRY_SECRET_KEY": SECRET}
    return partial(ferry, redis_url, tmp_path, **env)


def account(of: dict[str, Any], **settings: str) -> dict[str, Any]:
    return {**of, "account_settings": settings}


def in_effect(redis: Redis, name: str) -> str:
    """The key that a delivery would use now."""
    return usable_key(redis, connections(), CIPHER, name)


def audited(redis: Redis) -> list[tuple[str, str, str, str]]:
    return [(each.who, each.what, each.on, each.outcome) for each in audit.read(redis, 99)]


def alerted(redis: Redis) -> list[str]:
    return [alert.text for alert in judged(look(redis), Limits()) if alert.rule == "keys"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMED)
def test_a_key_for_a_connection_that_settings_name_is_ignored_audited_and_alerted(
    keyed: Intake, redis: Redis, name: str, kind: str
) -> None:
    own = in_effect(redis, name)
    answer = keyed.post(PATH, KINDS[kind](account=account(NAMED[name], apiKey="pk_attack")))
    assert answer.status_code in (200, 202)
    assert in_effect(redis, name) == own
    seen = fingerprint("pk_attack")
    assert audited(redis) == [("sender:mparticle", "key refused", name, f"ignored: apiKey (key {seen})")]
    (text,) = alerted(redis)
    assert (name in text, "mparticle" in text, seen in text, "pk_attack" in text) == (True, True, True, False)


def test_the_same_message_again_and_others_like_it_are_audited_once_and_counted(keyed: Intake, redis: Redis) -> None:
    for number in range(5):
        keyed.post(PATH, membership("ann@example.com", account=account({}, apiKey=f"pk_attack{number}")))
    assert len(audited(redis)) == 1
    (change,) = key_changes.recent(redis, 0)
    assert (change.what, change.connection, change.sender, change.times) == ("refused", "default", "mparticle", 5)


def test_without_a_secret_key_an_ignored_key_is_no_reason_to_refuse_a_message(redis_url: str, redis: Redis) -> None:
    plain = Settings(redis_url, connections(), tokens=(Token("mparticle", TOKEN),))
    with running(plain) as intake:
        posted = membership("ann@example.com", account=account({}, apiKey="pk_attack"))
        assert intake.post(PATH, posted).status_code == 202
    assert [what for _, what, _, _ in audited(redis)] == ["key refused"]


def test_a_connection_that_was_added_keeps_its_key_from_every_message(redis_url: str, redis: Redis) -> None:
    accounts.add_key(redis, "brand_b", accounts.seal_key(CIPHER, "pk_added", now_ms(), None))
    plain = Connections({"default": Connection("default"), "brand_b": Connection("brand_b", mparticle_account=2)})
    with running(Settings(redis_url, plain, tokens=(Token("mparticle", TOKEN),), secret_keys=(SECRET,))) as intake:
        intake.post(PATH, membership("ann@example.com", account=account(NAMED["brand_b"], apiKey="pk_attack")))
    assert usable_key(redis, plain, CIPHER, "brand_b") == "pk_added"


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize(
    "settings",
    [
        {"alternateIdentifier": "Other"},
        {"phoneIdentifier": "Phone Number 2"},
        {"defaultCountry": "DE"},
        {"defaultCountry": "?"},
    ],
)
def test_nor_does_a_message_say_who_people_are_or_hold_a_connection_that_settings_name(
    keyed: Intake, redis: Redis, name: str, settings: dict[str, str]
) -> None:
    keyed.post(PATH, membership("ann@example.com", account=account(NAMED[name], **settings)))
    assert not redis.exists(keys.account(name))
    assert [what for _, what, _, _ in audited(redis)] == ["key refused"]


def test_settings_that_change_nothing_are_no_attempt(keyed: Intake, redis: Redis) -> None:
    usual = {"alternateIdentifier": "None", "phoneIdentifier": "Mobile Number", "apiKey": "pk_b"}
    keyed.post(PATH, membership("ann@example.com", account=account(NAMED["brand_b"], **usual)))
    assert (audited(redis), alerted(redis)) == ([], [])


@pytest.mark.parametrize("name", NAMED)
def test_a_sender_whose_keys_are_accepted_sets_them_which_is_audited_and_alerted(
    keyed: Intake, redis: Redis, name: str
) -> None:
    before = fingerprint(in_effect(redis, name))
    keyed.post(PATH, membership("ann@example.com", account=account(NAMED[name], apiKey="pk_new")), TRUSTED)
    assert in_effect(redis, name) == "pk_new"
    told = f"key {before} -> {fingerprint('pk_new')}"
    assert audited(redis) == [("sender:trusted", "key changed", name, told)]
    assert len(alerted(redis)) == 1


def test_a_key_counts_for_the_account_of_its_message_and_for_no_other(keyed: Intake, redis: Redis) -> None:
    keyed.post(PATH, membership("ann@example.com", account=account(OWN, apiKey="pk_seven")))
    assert in_effect(redis, "mparticle-7") == "pk_seven"
    assert [in_effect(redis, name) for name in ("default", "brand_b", "mparticle-8")] == ["pk_own", "pk_b", "pk_own"]


def test_the_first_key_of_an_account_without_any_is_audited_and_no_alert(redis_url: str, redis: Redis) -> None:
    plain = Connections({"default": Connection("default")})
    with running(Settings(redis_url, plain, tokens=(Token("mparticle", TOKEN),), secret_keys=(SECRET,))) as intake:
        intake.post(PATH, membership("ann@example.com", account=account(OWN, apiKey="pk_seven")))
        assert audited(redis)[0][1:3] == ("key changed", "mparticle-7")
        assert alerted(redis) == []
        intake.post(PATH, membership("ann@example.com", account=account(OWN, apiKey="pk_other")))
    assert len(alerted(redis)) == 1
    assert in_effect(redis, "mparticle-7") == "pk_other"


def test_an_undone_key_is_put_back_and_not_taken_again(
    keyed: Intake, redis: Redis, command: Callable[..., Result], redis_url: str
) -> None:
    def post(intake: Intake, key: str) -> None:
        intake.post(PATH, membership("ann@example.com", account=account(OWN, apiKey=key)))

    post(keyed, "pk_seven")
    post(keyed, "pk_attack")
    assert in_effect(redis, "mparticle-7") == "pk_attack"
    told = command("connections", "undo-key", "mparticle-7")
    assert told.exit_code == 0, told.output
    assert in_effect(redis, "mparticle-7") == "pk_seven"
    assert (audited(redis)[0][1], alerted(redis)) == ("key undone", [])
    with running(known(redis_url)) as another:  # one that has seen nothing yet, as after five minutes
        post(another, "pk_attack")
        assert in_effect(redis, "mparticle-7") == "pk_seven"
        assert audited(redis)[0][1] == "key refused"
        another.post(PATH, membership("ann@example.com", account=account(OWN, defaultCountry="DE")))
        assert in_effect(redis, "mparticle-7") == "pk_seven", "nor does a message without a key end it"
        post(another, "pk_seven")
        post(another, "pk_better")
    assert in_effect(redis, "mparticle-7") == "pk_better"
    assert command("connections", "undo-key", "mparticle-7").exit_code == 0
    assert in_effect(redis, "mparticle-7") == "pk_seven"


def test_undoing_twice_or_for_nothing_changes_nothing(
    keyed: Intake, redis: Redis, command: Callable[..., Result]
) -> None:
    assert command("connections", "undo-key", "default").exit_code == 2
    for key in ("pk_seven", "pk_attack"):
        keyed.post(PATH, membership("ann@example.com", account=account(OWN, apiKey=key)))
    assert [command("connections", "undo-key", "mparticle-7").exit_code for _ in range(2)] == [0, 2]
    assert in_effect(redis, "mparticle-7") == "pk_seven"


def test_a_key_that_was_emptied_by_a_message_can_be_put_back(
    keyed: Intake, redis: Redis, command: Callable[..., Result]
) -> None:
    keyed.post(PATH, membership("ann@example.com", account=account(OWN, apiKey="pk_seven")))
    keyed.post(PATH, membership("ann@example.com", account=account(OWN, defaultCountry="DE")))
    assert in_effect(redis, "mparticle-7") == "pk_own"
    assert len(alerted(redis)) == 1
    assert command("connections", "undo-key", "mparticle-7").exit_code == 0
    assert in_effect(redis, "mparticle-7") == "pk_seven"


def test_at_an_upgrade_a_key_that_was_learnt_stays_and_is_named(
    keyed: Intake, redis: Redis, klaviyo: str, command: Callable[..., Result]
) -> None:
    accounts.remember(redis, "brand_b", AccountSettings({"defaultCountry": "DE"}, "pk_learnt"), CIPHER)
    same = account(NAMED["brand_b"], apiKey="pk_learnt", defaultCountry="DE")
    keyed.post(PATH, membership("ann@example.com", account=same))
    assert (in_effect(redis, "brand_b"), audited(redis)) == ("pk_learnt", [])
    for settings in ({"apiKey": "pk_attack"}, {"defaultCountry": "FR"}):
        keyed.post(PATH, membership("ann@example.com", account=account(NAMED["brand_b"], **settings)))
    assert in_effect(redis, "brand_b") == "pk_learnt"
    told = command("connections", "list", KLAVIYO_BASE_URL=klaviyo)
    assert f"brand_b uses a key that came with a message (fingerprint {fingerprint('pk_learnt')}" in told.stderr
    assert "default uses" not in told.stderr
    assert command("connections", "undo-key", "brand_b").exit_code == 0
    assert in_effect(redis, "brand_b") == "pk_b"


def test_a_key_of_before_that_no_secret_opens_does_not_stop_its_sender(keyed: Intake, redis: Redis) -> None:
    accounts.remember(redis, "mparticle-7", AccountSettings({}, "pk_seven"), Cipher(["another secret of sixteen"]))
    posted = membership("ann@example.com", account=account(OWN, apiKey="pk_seven"))
    assert keyed.post(PATH, posted).status_code == 202
    assert in_effect(redis, "mparticle-7") == "pk_seven"
    assert account_keys.learnt(redis, "mparticle-7", CIPHER).before == ""


def lists_of(redis: Redis, name: str) -> dict[str, str]:
    settings: dict[str, str] = pending.audience(redis, Queue(name, "audience", "456")).get("settings", {})
    return {key: text for key, text in settings.items() if key in ("listId", "listName", "klaviyoListId")}


def subscribed(of: dict[str, Any], **settings: str) -> dict[str, Any]:
    return KINDS["subscription"](account=of, audience_subscription_settings=settings)


def joined(of: dict[str, Any], **settings: str) -> dict[str, Any]:
    posted = membership("ann@example.com", account=of)
    posted["user_profiles"][0]["audiences"][0]["audience_subscription_settings"] = settings
    return posted


@pytest.mark.parametrize("posted", [subscribed, joined])
@pytest.mark.parametrize("name", NAMED)
def test_a_list_for_a_connection_that_settings_name_is_ignored_and_one_learnt_before_stays(
    redis_url: str, redis: Redis, name: str, posted: Callable[..., dict[str, Any]]
) -> None:
    settings = {"listId": "ATTACK", "listName": "Newsletter", "klaviyoListId": "X", "propertyMapping": '{"a": "title"}'}
    with running(known(redis_url)) as intake:
        assert intake.post(PATH, posted(NAMED[name], **settings)).status_code in (200, 202)
    assert lists_of(redis, name) == {}
    assert audited(redis) == [("sender:mparticle", "key refused", name, "ignored: listId, listName")]
    with running(known(redis_url)) as intake:
        intake.post(PATH, posted(NAMED[name], listId="RIGHT"), TRUSTED)
        assert lists_of(redis, name) == {"listId": "RIGHT"}
        intake.post(PATH, posted(NAMED[name], **settings))
        assert lists_of(redis, name) == {"listId": "RIGHT"}
        changes = {"audience": {"id": "456", "name": "Other"}, "changes": [{"action": "add", "email": "a@example.com"}]}
        intake.post(f"/v1/changes?connection={name}", changes)
        assert lists_of(redis, name) == {"listId": "RIGHT"}, "nor does one that says nothing of lists end it"
        assert pending.audience(redis, Queue(name, "audience", "456"))["name"] == "Other"
        intake.post(PATH, posted(NAMED[name], propertyMapping=""), TRUSTED)
    assert lists_of(redis, name) == {}


@pytest.mark.parametrize("posted", [subscribed, joined])
def test_a_list_counts_for_the_account_of_its_message(
    keyed: Intake, redis: Redis, posted: Callable[..., dict[str, Any]]
) -> None:
    keyed.post(PATH, posted(OWN, listId="OWN"))
    assert lists_of(redis, "mparticle-7") == {"listId": "OWN"}
    assert audited(redis) == []


def test_the_list_that_ferry_told_the_cdp_is_no_attempt(keyed: Intake, redis: Redis) -> None:
    keyed.post(PATH, subscribed(NAMED["brand_b"], klaviyoListId="GIVEN"))
    assert audited(redis) == []


def test_the_page_tells_of_keys_that_changed_and_of_attempts(keyed: Intake, redis_url: str) -> None:
    keyed.post(PATH, membership("ann@example.com", account=account({}, apiKey="pk_attack")))
    keyed.post(PATH, membership("ann@example.com", account=account(OWN, apiKey="pk_seven")))
    with console(redis_url, secret_keys=(SECRET,)) as page:
        shown = _shown(page)
    assert "default: sender mparticle sent settings that it may not set" in shown
    assert "mparticle-7: a message from sender mparticle changed the Klaviyo key" in shown
    assert "ferry connections undo-key mparticle-7" in shown
    assert not any(key in shown for key in ("pk_attack", "pk_seven"))


def _shown(page: Console) -> str:
    return " ".join(page.browser(Role.OPERATOR).get(f"{page.url}/", timeout=30).text.split())


def test_accounts_without_end_do_not_fill_the_memory(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, keyed: Intake
) -> None:
    monkeypatch.setattr(key_changes, "MOST", 3)
    for number in range(6):
        of = ACCOUNT | {"account_id": number + 100, "account_settings": {"apiKey": "pk_a"}}
        keyed.post(PATH, membership("ann@example.com", account=of))
    assert int(redis.hlen(keys.KEY_CHANGES)) == 3
    assert len(audited(redis)) == 6
    key_changes.prune(redis, now_ms() + key_changes.KEPT_MS + 1)
    assert not redis.exists(keys.KEY_CHANGES)
