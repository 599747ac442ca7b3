from __future__ import annotations

from datetime import date

import pytest

from emulator.auth import Key, Keys, require
from emulator.contract import DOCUMENTED, REVISED, Contract, contract, serving
from emulator.errors import ApiError

TODAY = date(2026, 11, 21)


def refusal_of(keys: Keys, header: str | None) -> tuple[int, str]:
    with pytest.raises(ApiError) as refused:
        keys.identify(header)
    return refused.value.status, refused.value.problems[0].code


@pytest.mark.parametrize("header", [None, "", "pk_test", "Bearer pk_test", "Basic pk_test"])
def test_no_key_or_another_scheme_is_not_authenticated(header: str | None) -> None:
    assert refusal_of(Keys(), header) == (401, "not_authenticated")


@pytest.mark.parametrize("name", ["", "sk_test", "test"])
def test_a_key_that_is_no_private_key_fails_authentication(name: str) -> None:
    assert refusal_of(Keys(), f"Klaviyo-API-Key {name}") == (401, "authentication_failed")


def test_any_private_key_has_full_access_until_keys_are_configured() -> None:
    keys = Keys()
    require(keys.identify("Klaviyo-API-Key pk_any"), ("lists:write",))
    keys.configure([Key("pk_one")])
    assert refusal_of(keys, "Klaviyo-API-Key pk_any") == (401, "authentication_failed")
    assert keys.identify("Klaviyo-API-Key pk_one").key == "pk_one"
    keys.configure([])
    assert keys.identify("Klaviyo-API-Key pk_any").key == "pk_any"


def test_an_access_token_is_accepted_once_bearers_are_switched_on() -> None:
    keys = Keys()
    keys.bearer = True
    assert keys.identify("Bearer some-token").key == "some-token"
    assert keys.identify("Klaviyo-API-Key pk_any").key == "pk_any"
    keys.configure([Key("token-1", scopes=("lists:read",))])
    assert keys.identify("Bearer token-1").scopes == ("lists:read",)
    assert refusal_of(keys, "Bearer token-2") == (401, "authentication_failed")


def test_a_revoked_key_fails_authentication() -> None:
    keys = Keys()
    keys.configure([Key("pk_one", revoked=True)])
    assert refusal_of(keys, "Klaviyo-API-Key pk_one") == (401, "authentication_failed")


def test_a_missing_scope_is_denied_and_named() -> None:
    key = Key("pk_one", scopes=("lists:read",))
    require(key, ("lists:read",))
    with pytest.raises(ApiError) as refused:
        require(key, ("lists:read", "profiles:read"))
    assert (refused.value.status, refused.value.problems[0].code) == (403, "permission_denied")
    assert "profiles:read" in refused.value.problems[0].detail


def test_keys_of_one_account_share_their_limits() -> None:
    assert Key("pk_a", account="one").quota_group == Key("pk_b", account="one").quota_group
    assert Key("pk_a").quota_group != Key("pk_b").quota_group


def served(text: str | None, *, opt_out: bool = False) -> Contract:
    return serving(text, opt_out, TODAY)


@pytest.mark.parametrize("text", ["2026-07-15", "2026-10-14", "2022-10-17", "2026-07-15.pre", "2023-01-24"])
def test_an_older_revision_is_served_as_the_documented_one(text: str) -> None:
    assert served(text) is contract(DOCUMENTED)


@pytest.mark.parametrize("text", ["2026-10-15", "2026-11-21", "2026-10-15.pre"])
def test_a_newer_revision_is_served_with_its_differences(text: str) -> None:
    assert served(text) is contract(REVISED)
    assert contract(REVISED) != contract(DOCUMENTED)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (None, "a revision header is required"),
        ("", "a revision header is required"),
        ("latest", "must be a date"),
        ("2026-11-22", "unable to specify a future revision date"),
        ("2021-12-31", "before the earliest available, use a date after"),
    ],
)
def test_another_revision_is_refused(text: str | None, detail: str) -> None:
    with pytest.raises(ApiError) as refused:
        served(text)
    assert refused.value.status == 400
    assert detail in refused.value.problems[0].detail


def test_a_retired_revision_falls_forward_unless_the_caller_opts_out() -> None:
    served("2024-02-15")
    with pytest.raises(ApiError) as refused:
        served("2024-02-15", opt_out=True)
    assert refused.value.status == 410
    served("2025-01-15", opt_out=True)
