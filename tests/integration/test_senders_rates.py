"""How often a sender may post, for all web processes together, and what is written down of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from configuration.connections import Connection, Connections
from configuration.senders import Rate, Sender
from configuration.settings import Settings, Token
from intake.access import uses as intake_uses
from intake.access.uses import Uses
from queues import senders
from queues.senders import SenderRates, SenderUse
from tests.support.intake import TOKEN, Intake, running
from tests.support.ops import ferry

SLOW = "a token of the slow one"
BODY = {"audience": {"id": "42"}, "changes": [{"action": "add", "email": "ann@example.com"}]}


class Hourly(Rate):
    """So long a window that no machine is slow enough to let a place become free."""

    seconds = 3_600
    amount = 3


def known(redis_url: str) -> Settings:
    slow = Sender("slow", (SLOW,), routes=frozenset({"changes"}), rate=Hourly(1, 3))
    return Settings(
        redis_url, Connections({"default": Connection("default")}), tokens=(Token("mparticle", TOKEN),), senders=(slow,)
    )


def post(intake: Intake, token: str = SLOW, path: str = "/v1/changes") -> int:
    return intake.post(path, BODY, token).status_code


def test_a_rate_holds_for_all_processes_together_and_for_its_sender_alone(redis_url: str, redis: Redis) -> None:
    with running(known(redis_url)) as one, running(known(redis_url)) as other:
        assert [post(each) for each in (one, other, one)] == [202, 202, 202]
        answer = other.post("/v1/changes", BODY, SLOW)
        assert answer.status_code == 429
        assert 3_000 < int(answer.headers["Retry-After"]) <= 3_600
        assert "Sender slow may make" in answer.json()["error"]["description"]
        assert post(one) == 429
        assert post(one, TOKEN) == 202
        assert one.get("/healthz").status_code == 200
    assert senders.read(redis, "slow") == SenderUse(senders.read(redis, "slow").last, 5, {"rate": 2})


def test_a_flood_beyond_the_rate_asks_redis_no_more(redis_url: str, redis: Redis) -> None:
    async def flood() -> list[bool]:
        client = AsyncRedis.from_url(redis_url)
        rates = SenderRates(client)
        found = [await rates.wait("slow", 3, 3_600) > 0 for _ in range(5)]
        redis.flushall()
        found += [await rates.wait("slow", 3, 3_600) > 0 for _ in range(5)]
        await client.aclose()
        return found

    assert asyncio.run(flood()) == [False] * 3 + [True] * 7


def test_what_is_refused_by_route_takes_a_place_too_and_is_counted(redis_url: str, redis: Redis) -> None:
    with running(known(redis_url)) as intake:
        assert [post(intake, SLOW, "/v1/segment") for _ in range(4)] == [403, 403, 403, 429]
    assert senders.read(redis, "slow").refused == {"route": 3, "rate": 1}


def test_the_use_of_a_sender_is_written_once_a_minute_however_many_requests_there_are(
    redis_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_uses, "WRITTEN", 60.0)  # as in the product
    clock = [0.0]

    async def use() -> list[int]:
        client = AsyncRedis.from_url(redis_url)
        uses, seen = Uses(client, lambda: clock[0]), []
        for second in range(180):
            clock[0] = float(second)
            uses.count("shop")
            await uses.look()
            seen.append(senders.read(redis, "shop").requests)
        await uses.write()
        await client.aclose()
        return seen

    seen = asyncio.run(use())
    assert len(set(seen)) == 3, "nothing yet, and two writes"
    assert senders.read(redis, "shop").requests == len(seen)


def test_while_redis_is_away_the_use_is_kept_for_later(redis: Redis, redis_url: str) -> None:
    async def use() -> None:
        away, client = AsyncRedis(host="127.0.0.1", port=9), AsyncRedis.from_url(redis_url)
        uses = Uses(away)
        uses.count("shop")
        uses.refused("shop", "route")
        await uses.write()
        uses._redis = client
        uses.count("shop")
        await uses.write()
        await away.aclose()
        await client.aclose()

    asyncio.run(use())
    use_of = senders.read(redis, "shop")
    assert (use_of.requests, use_of.refused) == (2, {"route": 1})


def listed(redis_url: str, folder: Path, *words: str) -> Any:
    file = folder / "connections.toml"
    file.write_text(
        "[senders.b]\ntoken_env = 'B'\nroutes = ['changes']\nconnections = ['brand_b', 'mparticle-7']\n"
        "rate = {per_second = 50, burst = 120}\naccept_keys = true\n"
        "[senders.page]\ntoken_env = 'PAGE'\nroutes = ['segment']\nallowed_origins = ['https://a.example']\n"
    )
    env = {"FERRY_CONNECTIONS": str(file), "B": "a token of brand b", "PAGE": "a write key of a page"}
    env["FERRY_TOKENS"] = f"shop:{TOKEN}"
    return ferry(redis_url, folder, "senders", *words, COLUMNS="300", **env)


def test_the_command_lists_the_senders_with_scope_use_and_refusals(
    redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    async def used() -> None:
        client = AsyncRedis.from_url(redis_url)
        await senders.add(client, "b", SenderUse(1_795_000_000_000, 1_200, {"connection": 3}))
        await client.aclose()

    asyncio.run(used())
    told = listed(redis_url, tmp_path)
    assert told.exit_code == 0, told.output
    table = " ".join(told.stdout.split())
    for words in (
        "b changes brand_b, mparticle-7 all 50/s, 150 at once any connection none",
        "1,200 3 connection",
        "shop all",
    ):
        assert words in table
    assert "never 0 none" in table
    assert "page segment all all no limit unconfigured ones https://a.example never" in table
    assert "b names the connection brand_b, which does not exist" in told.stderr
    b, page, shop = json.loads(listed(redis_url, tmp_path, "--json").stdout)
    assert (b["name"], b["requests"], b["refused"]) == ("b", 1_200, {"connection": 3})
    assert b["last_use"].startswith("2026-11-18T")
    assert (page["allowed_origins"], shop["allowed_origins"]) == (["https://a.example"], [])
    assert (shop["routes"], shop["last_use"], shop["accept_keys"]) == (None, None, False)
    assert not any(token in told.output for token in ("a token of brand b", TOKEN))


def test_the_doctor_counts_senders_of_the_file_as_senders(redis_url: str, redis: Redis, tmp_path: Path) -> None:
    file = tmp_path / "connections.toml"
    file.write_text("[senders.b]\ntoken_env = 'B'\nsegment_secret_env = 'B'\n")
    told = ferry(
        redis_url,
        tmp_path,
        "doctor",
        FERRY_CONNECTIONS=str(file),
        B="a token of brand b",
        KLAVIYO_BASE_URL="http://127.0.0.1:9",
    )
    assert "every sender gets 401" not in told.output
    shown = [line.split() for line in told.output.splitlines()]
    assert any("tokens" in words and "b" in words for words in shown)
