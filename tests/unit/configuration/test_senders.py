"""The tables [senders.<name>]: what may stand there, and what each comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration import settings
from configuration.connections import Connection
from configuration.errors import SettingsError
from configuration.senders import Rate, Sender
from configuration.settings import Settings

TOKEN, OTHER = "a token of sixteen or more", "another token of as many"


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings of a connections.toml with this text."""

    def loaded(text: str, **env: str) -> Settings:
        file = tmp_path / "connections.toml"
        file.write_text(text)
        for name in ("FERRY_TOKENS", "FERRY_SEGMENT_SECRETS"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"FERRY_CONNECTIONS": str(file), "B_TOKEN": TOKEN, **env}.items():
            monkeypatch.setenv(name, value)
        return settings.load()

    return loaded


def test_a_sender_has_what_its_table_says(load: Any) -> None:
    known = load(
        "[connections.brand_b]\nmparticle_account = 7\n"
        "[senders.b]\ntoken_env = 'B_TOKEN'\nsegment_secret_env = 'B_SECRET'\nroutes = ['segment', 'mparticle']\n"
        "connections = ['brand_b']\nmparticle_accounts = [7]\n"
        "rate = {per_second = 50, burst = 120}\naccept_keys = true\n",
        B_SECRET=OTHER,
    )
    (sender,) = known.senders
    assert sender == Sender(
        "b",
        (TOKEN,),
        (OTHER,),
        frozenset({"segment", "mparticle"}),
        frozenset({"brand_b"}),
        frozenset({7}),
        Rate(50, 120),
        accept_keys=True,
    )
    assert not any(secret in repr(sender) for secret in (TOKEN, OTHER))


@pytest.mark.parametrize(
    "origin",
    [
        "https://www.example.com",
        "http://localhost:3000",
        "https://xn--mller-kva.de",
        "http://[::1]:8080",
        "capacitor://localhost",
        "https://example.com:80",
    ],
)
def test_pages_of_an_origin_may_be_allowed(load: Any, origin: str) -> None:
    known = load(f"[senders.b]\ntoken_env = 'B_TOKEN'\nroutes = ['segment']\nallowed_origins = ['{origin}']\n")
    (sender,) = known.senders
    assert (sender.allowed_origins, sender.is_public) == (frozenset({origin}), True)
    assert not Sender("c").is_public


_ORIGINS = "[senders.b]\ntoken_env = 'B_TOKEN'\nroutes = ['segment']\nallowed_origins = "


def test_a_variable_may_hold_two_tokens_so_that_one_can_be_exchanged(load: Any) -> None:
    known = load("[senders.b]\ntoken_env = 'B_TOKEN'\n", B_TOKEN=f"{OTHER}, {TOKEN},")
    assert known.senders[0].tokens == (OTHER, TOKEN)


def test_the_simple_forms_are_senders_too_and_may_set_nothing_that_settings_name(load: Any) -> None:
    known = load("", FERRY_TOKENS=f"shop:{TOKEN}", FERRY_SEGMENT_SECRETS=f"new:{OTHER}")
    shop, signed = known.every_sender
    assert (shop.name, shop.tokens, shop.routes, shop.connections) == ("shop", (TOKEN,), None, None)
    assert (signed.name, signed.segment_secrets, signed.routes) == ("segment:new", (OTHER,), frozenset({"segment"}))
    assert not shop.may_set(Connection("default"))
    assert shop.may_set(Connection("mparticle-7"))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("[senders.b]\nroutes = ['changes']", "[senders.b]: token_env: missing"),
        ("[senders.b]\ntoken_env = 'NOT_SET'", "it names NOT_SET, which is not set"),
        ("[senders.b]\ntoken_env = 'SHORT'", "a value of SHORT has under 16 characters"),
        ("[senders.b]\ntoken_env = 'B_TOKEN'\nroutes = ['change']", "routes.0: not one of mparticle, changes"),
        ("[senders.b]\ntoken_env = 'B_TOKEN'\nroutes = []", "routes: "),
        ("[senders.b]\ntoken_env = 'B_TOKEN'\nconnections = []", "connections: "),
        ("[senders.b]\ntoken_env = 'B_TOKEN'\nmparticle_accounts = []", "mparticle_accounts: "),
        ("[senders.b]\ntoken_env = 'B_TOKEN'\nconnection = ['b']", "connection: Unknown field"),
        ("[senders.b]\ntoken_env = 'B_TOKEN'\nconnections = ['Brand B']", "not the name of a connection"),
        ("[senders.b]\ntoken_env = 'B_TOKEN'\nrate = {per_second = 0}", "rate.per_second: "),
        (
            "[senders.b]\ntoken_env = 'B_TOKEN'\nrate = {per_second = 5, burst = 4}",
            "rate.burst: smaller than per_second",
        ),
        ("[senders.b]\ntoken_env = 'B_TOKEN'\nrate = {burst = 4}", "rate.per_second: "),
        ("[senders.b]\ntoken_env = 'B_TOKEN'\nrate = 50", "rate"),
        ("[senders.b]\ntoken_env = 'B_TOKEN'\naccept_keys = 'maybe'", "accept_keys: "),
        *(
            (f"{_ORIGINS}['{origin}']", "allowed_origins.0: not an origin as browsers send it")
            for origin in (
                *("*", "null", "", "www.example.com", "https://", "https://*.example.com", "https://www.example.com/"),
                *("HTTPS://www.example.com", "https://www.Example.com", "https://www.example.com:443", "http://a:80"),
                *(
                    "https://www.example.com/shop",
                    "https://müller.de",
                    "https://a@b",
                    "https://a b",
                    "//a",
                    "https://a\t",
                ),
            )
        ),
        (f"{_ORIGINS}[]", "allowed_origins: "),
        (f"{_ORIGINS}'https://www.example.com'", "allowed_origins: "),
        (
            _ORIGINS.replace("'segment'", "'segment', 'changes'") + "['https://a']",
            "everybody who opens the page can read",
        ),
        (_ORIGINS.replace("routes = ['segment']", "") + "['https://a']", 'set routes = ["segment"] beside it'),
        ("[senders.'B b']\ntoken_env = 'B_TOKEN'", "a name has up to 40 lower-case letters"),
        ("senders = 3", "senders is not a table"),
        (
            "[senders.b]\ntoken_env = 'B_TOKEN'\nconnections = ['brand_b']\nmparticle_accounts = [8]",
            "mparticle_accounts names 8, whose connection is mparticle-8; add it to connections",
        ),
        ("[senders.shop]\ntoken_env = 'B_TOKEN'", "FERRY_TOKENS also has a sender shop"),
        ("[senders.b]\ntoken_env = 'SHOPS'", "[senders.b]: it shares a token or secret with shop"),
        ("[senders.b]\ntoken_env = 'B_TOKEN'\n[senders.c]\ntoken_env = 'B_TOKEN'", "[senders.c]: it shares a token"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_naming_place_and_remedy(load: Any, table: str, words: str) -> None:
    shop = "a token of the shop and simple"
    with pytest.raises(SettingsError) as refusal:
        load(table, SHORT="short", SHOPS=shop, FERRY_TOKENS=f"shop:{shop}")
    assert words in str(refusal.value)
    assert not any(secret in str(refusal.value) for secret in (TOKEN, shop))


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_a_rate_is_per_second_in_the_long_run_and_lets_the_burst_through_at_once(one: int, other: int) -> None:
    rate = Rate(min(one, other), max(one, other))
    assert rate.amount == rate.per_second * rate.seconds
    assert rate.burst <= rate.amount < rate.burst + rate.per_second


@pytest.mark.parametrize(
    ("sender", "reached"),
    [
        (Sender("all"), {"default", "brand_a", "brand_b", "mparticle-7", "mparticle-8"}),
        (Sender("one", connections=frozenset({"brand_a"})), {"brand_a"}),
        (Sender("account", mparticle_accounts=frozenset({7})), {"mparticle-7"}),
        (Sender("named", mparticle_accounts=frozenset({2})), {"brand_b"}),
        (
            Sender("both", connections=frozenset({"default", "brand_b"}), mparticle_accounts=frozenset({2})),
            {"default", "brand_b"},
        ),
    ],
)
def test_what_a_sender_reaches(sender: Sender, reached: set[str]) -> None:
    known = [
        Connection("default"),
        Connection("brand_a", mparticle_account=1),
        Connection("brand_b", mparticle_account=2),
    ]
    known += [Connection("mparticle-7"), Connection("mparticle-8")]
    assert {each.name for each in known if sender.may_reach(each)} == reached


@pytest.mark.parametrize(("connections", "only"), [(None, None), ({"a"}, "a"), ({"a", "b"}, None)])
def test_a_sender_of_one_connection_has_it_as_its_own(connections: set[str] | None, only: str | None) -> None:
    assert Sender("b", connections=None if connections is None else frozenset(connections)).only_connection == only
