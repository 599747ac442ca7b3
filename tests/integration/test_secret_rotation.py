"""Tokens and secrets are exchanged without a gap: the new one is added, senders change, the old one is taken away."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from redis import Redis

from configuration import settings
from configuration.settings import Settings
from queues import keys
from queues.connections import accounts
from queues.connections.accounts import Cipher
from queues.errors import SecretKeyChanged
from tests.support.intake import Intake, running

OLD_TOKEN, NEW_TOKEN = "0b5c4d3f7a1e4c66", "6f1d2c9a8b7e4f30"
OLD_SECRET, NEW_SECRET = "the old secret key", "the new secret key"
CONNECTION = "mparticle-7"
KEY = "pk_0123456789abcdef"


@pytest.fixture(autouse=True)
def _redis_of_this_test(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FERRY_CONNECTIONS", "KLAVIYO_API_KEY", "KLAVIYO_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REDIS_URL", redis_url)


def started_with(monkeypatch: pytest.MonkeyPatch, tokens: str, secrets: str = OLD_SECRET) -> Settings:
    """The settings of a process that starts with these."""
    monkeypatch.setenv("FERRY_TOKENS", tokens)
    monkeypatch.setenv("FERRY_SECRET_KEY", secrets)
    return settings.load()


def post(intake: Intake, token: str = OLD_TOKEN, key: str = KEY) -> requests.Response:
    account: dict[str, Any] = {"account_id": 7, "account_settings": {"apiKey": key}}
    profile = {"mpid": "1", "audiences": [{"audience_id": 4, "action": "add"}]}
    message = {"type": "audience_membership_change_request", "account": account, "user_profiles": [profile]}
    return intake.post("/v1/mparticle", message, token=token)


def kept(redis: Redis, *secrets: str) -> str | None:
    account = accounts.recall(redis, CONNECTION, Cipher(secrets))
    assert account is not None
    return account.api_key


def test_a_token_is_exchanged_without_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for tokens in (f"old:{OLD_TOKEN}", f"old:{OLD_TOKEN},new:{NEW_TOKEN}", f"new:{NEW_TOKEN}"):
        with running(started_with(monkeypatch, tokens)) as intake:
            seen.append([post(intake, token).status_code for token in (OLD_TOKEN, NEW_TOKEN)])
    assert seen == [[202, 401], [202, 202], [401, 202]]


def test_a_secret_key_is_exchanged_without_losing_what_it_encrypted(
    monkeypatch: pytest.MonkeyPatch, redis: Redis
) -> None:
    tokens = f"mparticle:{OLD_TOKEN}"
    with running(started_with(monkeypatch, tokens)) as intake:
        assert post(intake).status_code == 202
    with running(started_with(monkeypatch, tokens, f"{NEW_SECRET},{OLD_SECRET}")) as intake:
        assert kept(redis, NEW_SECRET, OLD_SECRET) == KEY, "what is stored can be read at once"
        with pytest.raises(SecretKeyChanged):
            kept(redis, NEW_SECRET)
        assert post(intake).status_code == 202
        assert kept(redis, NEW_SECRET) == KEY, "the CDP sent the key again"
    with running(started_with(monkeypatch, tokens, NEW_SECRET)) as intake:
        assert post(intake, key="pk_another").status_code == 202
    assert kept(redis, NEW_SECRET) == "pk_another"
    with pytest.raises(SecretKeyChanged) as unreadable:
        kept(redis, OLD_SECRET)
    assert not any(word in repr(unreadable.value) for word in (KEY, "pk_another", OLD_SECRET, NEW_SECRET))


def test_the_same_key_never_looks_the_same_at_rest(monkeypatch: pytest.MonkeyPatch, redis: Redis) -> None:
    at_rest = set()
    for _ in range(2):
        with running(started_with(monkeypatch, f"mparticle:{OLD_TOKEN}")) as intake:
            assert post(intake).status_code == 202
        at_rest.add(redis.hget(keys.account(CONNECTION), "api_key"))
    assert len(at_rest) == 2
    assert not any(KEY.encode() in value for value in at_rest if isinstance(value, bytes))


def test_settings_never_show_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLAVIYO_API_KEY", KEY)
    loaded = started_with(monkeypatch, f"mparticle:{OLD_TOKEN}")
    shown = repr(loaded) + repr(list(loaded.connections)) + repr(Cipher(loaded.secret_keys))
    assert not any(secret in shown for secret in (KEY, OLD_TOKEN, OLD_SECRET))
