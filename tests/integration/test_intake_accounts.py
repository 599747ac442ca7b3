"""What mParticle says of its accounts is kept, the API key among it encrypted or not at all."""

from __future__ import annotations

from typing import Any, cast

import pytest
from redis import Redis

from intake.mparticle import settings as setting_values
from queues import keys
from queues.connections import accounts
from queues.connections.accounts import Cipher
from queues.names import Queue
from tests.support.intake import Intake, known, running
from tests.support.posted import PATH, SECRET, membership
from tests.support.stored import stored


def test_account_settings_are_kept_and_the_key_among_them_encrypted(intake: Intake, redis: Redis) -> None:
    settings = {"apiKey": " pk_canary ", "alternateIdentifier": "Customer Id", "defaultCountry": "", "other": "x"}
    account = {"account_id": 123456, "account_settings": settings}
    intake.post(PATH, membership("ann@example.com", account=account))
    kept = accounts.recall(redis, "mparticle-123456", Cipher([SECRET]))
    assert kept == accounts.AccountSettings({"alternateIdentifier": "Customer Id"}, "pk_canary")
    assert b"pk_canary" not in b"".join(
        cast("dict[bytes, bytes]", redis.hgetall(keys.account("mparticle-123456"))).values()
    )


def test_account_settings_are_written_when_they_change_and_not_with_every_message(intake: Intake, redis: Redis) -> None:
    def post(phone: str) -> None:
        account = {"account_id": 123456, "account_settings": {"phoneIdentifier": phone}}
        assert intake.post(PATH, membership("ann@example.com", account=account)).status_code == 202

    post("Mobile Number")
    redis.delete(keys.account("mparticle-123456"))
    post("Mobile Number")
    assert accounts.recall(redis, "mparticle-123456", Cipher([SECRET])) is None, "written again"
    post("Phone Number 2")
    kept = accounts.recall(redis, "mparticle-123456", Cipher([SECRET]))
    assert kept == accounts.AccountSettings({"phoneIdentifier": "Phone Number 2"})


def test_a_key_in_another_setting_is_not_kept_and_the_setting_stays_wrong(intake: Intake, redis: Redis) -> None:
    settings = {"apiKey": "pk_right", "alternateIdentifier": "pk_canary"}
    account = {"account_id": 123456, "account_settings": settings}
    assert intake.post(PATH, membership("ann@example.com", account=account)).status_code == 202
    kept = accounts.recall(redis, "mparticle-123456", Cipher([SECRET]))
    assert kept == accounts.AccountSettings({"alternateIdentifier": setting_values.NOT_KEPT}, "pk_right")


def test_settings_that_are_not_ours_are_not_kept(intake: Intake, redis: Redis) -> None:
    intake.post(PATH, membership("ann@example.com"))
    assert not redis.exists(keys.account("mparticle-123456"))


def test_an_api_key_without_a_secret_to_encrypt_it_is_refused_saying_what_to_set(
    redis_url: str, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    account = {"account_id": 123456, "account_settings": {"apiKey": "pk_canary"}}
    with running(known(redis_url)) as intake:
        response = intake.post(PATH, membership("ann@example.com", account=account))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "FERRY_SECRET_KEY" in response.json()["error"]["description"]
    assert "pk_canary" not in response.text + caplog.text
    assert redis.keys() == [keys.sender("mparticle").encode()]


@pytest.mark.parametrize(
    ("account", "place"),
    [
        ({"account_id": "x"}, "$.account.account_id"),
        ({"account_id": -1}, "$.account.account_id"),
        ([], "$.account"),
        ("x", "$.account"),
    ],
)
def test_an_account_that_cannot_be_read_is_refused_naming_the_place(intake: Intake, account: Any, place: str) -> None:
    response = intake.post(PATH, membership("ann@example.com", account=account))
    assert response.status_code == 400
    assert response.json()["error"]["description"].startswith(f"{place}: ")


@pytest.mark.parametrize("account", [None, {}, {"account_id": None}, {"account_settings": None}])
def test_a_message_without_an_account_goes_to_the_default_connection(
    intake: Intake, redis: Redis, account: Any
) -> None:
    assert intake.post(PATH, membership("ann@example.com", account=account)).status_code == 202
    assert len(stored(redis, Queue("default", "audience", "456"))) == 1
