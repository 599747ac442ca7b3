"""To which Klaviyo `ferry up` delivers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.connections import Connection, Connections
from configuration.settings import KLAVIYO, Settings
from local.group import EMULATOR_KEY
from local.klaviyo_choice import starts_emulator
from ops.errors import Misconfigured

EMULATED = {
    "REDIS_URL": "unix:///v/redis.sock",
    "KLAVIYO_API_KEY": EMULATOR_KEY,
    "KLAVIYO_BASE_URL": "http://127.0.0.1:1",
}
DELIVERED = {"REDIS_URL": "unix:///v/redis.sock"}
LOCAL = "http://localhost:9400"
PROXY = "https://klaviyo.example.com"


def known(key: str | None = None, base_url: str = KLAVIYO, **keys: str | None) -> Settings:
    every = [Connection("default", key), *(Connection(name, value) for name, value in keys.items())]
    return Settings("redis://x", Connections({each.name: each for each in every}), base_url)


def never(question: str) -> bool:
    pytest.fail(f"asked: {question}")


def test_without_a_key_an_emulator_is_started_and_nobody_is_asked() -> None:
    assert starts_emulator(known(), {}, False, never)
    assert starts_emulator(known(), EMULATED, False, never)
    assert starts_emulator(known(EMULATOR_KEY), EMULATED, False, never), "of a shell that has read the group file"


@pytest.mark.parametrize("base_url", [LOCAL, "http://127.0.0.1:9400", "http://[::1]:9400", "https://localhost"])
def test_a_klaviyo_of_this_machine_is_an_emulator_whatever_the_keys(base_url: str) -> None:
    assert not starts_emulator(known("pk_real", base_url), {}, False, never)
    with pytest.raises(Misconfigured, match="--live is for the real Klaviyo"):
        starts_emulator(known("pk_real", base_url), {}, True, never)


@pytest.mark.parametrize(
    ("settings", "before", "why"),
    [
        (known("pk_real"), {}, "there is a Klaviyo key for connection default"),
        (known(None, brand="pk_real"), {}, "there is a Klaviyo key for connection brand"),
        (known("pk_a", brand="pk_b"), {}, "there are Klaviyo keys for connection default, connection brand"),
        (known("pk_real"), EMULATED, "there is a Klaviyo key"),
        (known(None, PROXY), {}, f"KLAVIYO_BASE_URL names {PROXY}"),
        (known(), DELIVERED, "the group in this folder was last started for the real Klaviyo"),
        (known(EMULATOR_KEY), DELIVERED, "the group in this folder was last started for the real Klaviyo"),
        (known(), {**DELIVERED, "KLAVIYO_BASE_URL": PROXY}, "the group in this folder was last"),
    ],
)
def test_what_points_to_the_real_klaviyo_needs_a_word(settings: Settings, before: Mapping[str, str], why: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        starts_emulator(settings, before, False, lambda _: False)
    assert why in refused.value.message
    assert "ferry up --live" in refused.value.message
    assert not starts_emulator(settings, before, False, lambda question: settings.klaviyo_base_url in question)
    assert not starts_emulator(settings, before, True, never)


KEYS: Any = st.sampled_from([None, "pk_real", EMULATOR_KEY])


@given(
    key=KEYS,
    brand=KEYS,
    base_url=st.sampled_from([KLAVIYO, LOCAL, PROXY]),
    before=st.sampled_from([{}, EMULATED, DELIVERED]),
    live=st.booleans(),
    says_yes=st.booleans(),
)
def test_real_people_never_go_to_an_emulator_of_the_group_and_nobody_is_written_to_without_a_word(
    key: str | None, brand: str | None, base_url: str, before: Mapping[str, str], live: bool, says_yes: bool
) -> None:
    try:
        emulated = starts_emulator(known(key, base_url, brand=brand), before, live, lambda _: says_yes)
    except Misconfigured:
        return
    if emulated:
        assert "pk_real" not in (key, brand)
        assert before is not DELIVERED
    elif base_url != LOCAL:
        assert live or says_yes
