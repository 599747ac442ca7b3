"""The console in the web process itself, and what all its parts work with."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import requests
from redis import Redis

from console.auth.roles import Role
from console.context import AppContext
from local import group_files
from queues import audit
from tests.support.console import ADMIN, Console
from tests.support.group import Group
from tests.support.intake import known
from tests.support.ops import environment, put
from tests.support.people import names as people
from tests.support.syncing import file, settled, touched
from tests.support.up import HurriedUp
from tests.support.working import working
from tests.support.world import World


def test_a_web_process_lets_its_admin_sign_in_and_ends_when_told(redis_url: str, tmp_path: Path) -> None:
    settings = {"FERRY_ADMIN_TOKEN": ADMIN, "FERRY_SECRET_KEY": "a secret of this installation"}
    with Group(environment(redis_url, tmp_path, **settings), tmp_path, "web", fresh=True) as group:
        served = Console(f"http://127.0.0.1:{group.port}")
        assert "<strong>admin</strong>" in served.browser(Role.ADMIN).get(f"{served.url}/audit", timeout=30).text
        assert group.terminate_all().keys() == {"web"}
        assert ADMIN not in group.log("web")


def test_after_ferry_up_one_signs_in_with_what_it_says(tmp_path: Path) -> None:
    up = HurriedUp(tmp_path)
    try:
        up.wait_until_up()
        assert f"sign in with FERRY_ADMIN_TOKEN in {tmp_path}" in up.text()
        token = group_files.read(tmp_path)["FERRY_ADMIN_TOKEN"]
        assert token not in up.text()
        url = f"http://127.0.0.1:{up.port}"
        answer = requests.post(f"{url}/sign-in", {"token": token}, timeout=30, allow_redirects=False)
        assert answer.status_code == 303
    finally:
        up.end()


def test_all_who_ask_at_a_time_are_told_of_one_census_until_somebody_acts(redis: Redis, redis_url: str) -> None:
    put(redis, "ann@example.com")

    async def ask() -> None:
        desk = AppContext(known(redis_url))
        first = await asyncio.gather(*(desk.census() for _ in range(10)))
        assert {id(census) for census in first} == {id(first[0])}
        await desk.run(put, redis, "ben@example.com")
        desk.changed()
        (count,) = (await desk.census()).queues
        assert count.waiting.pending == 2
        desk.close()

    asyncio.run(ask())


def test_a_sync_and_a_repair_are_in_the_audit(
    world: World, redis_url: str, command: Any, redis: Redis, tmp_path: Path
) -> None:
    with working(redis_url):
        assert command("sync", "42", file(tmp_path, *people(4)), "--name", "VIPs").exit_code == 0
        settled(redis)
        touched(world, "stranger@example.com", "p3@example.com")
        assert json.loads(command("reconcile", "42", "--repair", "--json").stdout)["repaired"] == 2
    found = [(entry.what, entry.outcome, entry.counts) for entry in audit.read(redis, 10)]
    assert found == [("repair", "done", {"changes": 2}), ("sync", "submitted", {})]
