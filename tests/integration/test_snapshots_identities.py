"""A person whom Klaviyo knows by several identifiers, and a snapshot by others than the one before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.support.emulator_api import Api
from tests.support.mirrored import Mirrored, mirrored

ANN, BOB, PHONE = "ann@example.com", "bob@example.com", "+14155552671"


@pytest.fixture
def whole(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Mirrored]:
    settings = tmp_path / "connections.toml"
    settings.write_text("[connections.default]\nfull_profile = true\n")
    with mirrored(redis, redis_url, monkeypatch, FERRY_CONNECTIONS=str(settings)) as found:
        yield found


@pytest.mark.parametrize("weaker", [{"external_id": "c-1"}, {"phone_number": PHONE}])
@pytest.mark.parametrize("emails", [ANN, [ANN, BOB]])
def test_whoever_gets_an_address_stays_on_the_list(
    lists: Mirrored, weaker: dict[str, str], emails: str | list[str]
) -> None:
    with Api(lists.klaviyo.url) as api:
        api.make_profile(email=ANN, **weaker)
    lists.sync(weaker)
    assert lists.members() == {ANN}
    lists.sync({"email": emails, **weaker})
    assert ANN in lists.members()
    lists.sync(BOB)
    assert lists.members() == {BOB}


@pytest.mark.parametrize("news", [{"phone_number": "+14155552672"}, {"external_id": "c-2"}])
def test_with_the_full_profile_a_new_phone_or_id_of_a_member_is_an_update(
    whole: Mirrored, news: dict[str, str]
) -> None:
    told: dict[str, Any] = {"email": ANN, "phone_number": PHONE, "plan": "gold"}
    whole.sync(told, BOB)
    record = whole.sync(told | news, BOB)
    assert record.counts is not None
    assert (record.counts.updates, record.counts.unchanged) == (1, 1)
    assert whole.imported()[-1] == {"email": ANN, "phone_number": PHONE} | news
    again = whole.sync(told | news, BOB)
    assert again.counts is not None
    assert again.counts.unchanged == 2
