"""`ferry queries check` and `preview`, and the sources in `ferry doctor`."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.support.ops import ferry
from tests.support.people import names as people
from tests.support.syncing import file as people_file
from tests.support.syncing import settled
from tests.support.working import working
from tests.support.world import SECRET, World

SETTINGS = """
[sources.shop]
sqlite = "shop.sqlite"
[queries.42]
source = "shop"
sql_file = "vips.sql"
name = "VIPs"
attributes = ["plan"]
columns = { plan = "tier" }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "connections.toml").write_text(SETTINGS)
    (tmp_path / "vips.sql").write_text("SELECT email, tier, city, spent FROM people")
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as shop, shop:
        shop.execute("CREATE TABLE people (email TEXT, tier TEXT, city TEXT, spent)")
        shop.executemany("INSERT INTO people VALUES (?, 'gold', 'Oslo', 9e999)", ([each] for each in people(30, 3)))
        shop.execute("INSERT INTO people VALUES ('nobody@', NULL, NULL, 1)")
    return tmp_path


@pytest.fixture
def command(folder: Path, world: World, redis_url: str) -> Any:
    """`ferry` with these settings."""
    connections = str(folder / "connections.toml")
    keys = {"FERRY_SECRET_KEY": SECRET, "KLAVIYO_BASE_URL": world.klaviyo, "FERRY_CONNECTIONS": connections}
    return partial(ferry, redis_url, folder, **keys)


def test_check_shows_columns_and_masked_rows_and_needs_no_redis(folder: Path, command: Any) -> None:
    said = command("queries", "check", "42", REDIS_URL="redis://127.0.0.1:1/0").output
    assert "42: connected to shop; the query can be read." in said
    assert "property plan" in said
    assert "not chosen: add it to" in said
    assert "p***@e***.com" in said
    assert "Left out of 30 rows: spent (number_not_finite)" in said
    assert "@example.com" not in said
    found = json.loads(command("queries", "check", "42", "--json").stdout)
    assert [column["becomes"] for column in found["columns"]] == ["email", "property plan", "city", "property spent"]
    assert len(found["rows"]) == 20
    assert found["rows"][0]["tier"] == "g***"
    whole = json.loads(command("queries", "check", "42", "--json", "--personal-data").stdout)
    assert whole["rows"][0]["city"] == "Oslo"


@pytest.mark.parametrize("more", ["", "[connections.default]\nfull_profile = true\n"])
def test_why_a_column_is_not_sent_beside_attributes_of_the_query_is_true_with_any_setting(
    more: str, folder: Path, command: Any
) -> None:
    (folder / "connections.toml").write_text(SETTINGS + more)
    (folder / "vips.sql").write_text("SELECT email, tier, city, 'c-1' AS external_id FROM people")
    columns = json.loads(command("queries", "check", "42", "--json").stdout)["columns"]
    assert {each["column"]: each["not_sent"] for each in columns} == {
        "email": "",
        "tier": "",
        "city": "not chosen: add it to attributes",
        "external_id": "identifies people without an e-mail; attributes sends no identifier beside one",
    }


@pytest.mark.parametrize("words", [["check"], ["preview"]])
def test_a_query_that_cannot_be_read_is_explained_with_what_the_database_says(
    words: list[str], folder: Path, command: Any
) -> None:
    (folder / "vips.sql").write_text("SELECT emial FROM people")
    failed = command("queries", *words, "42")
    assert failed.exit_code == 1
    assert "the query 42 cannot be read: query failed (SQLITE_ERROR OperationalError)" in failed.output
    assert "The database says: no such column: emial" in failed.output


@pytest.mark.parametrize("words", [["check"], ["preview"]])
@pytest.mark.parametrize(
    ("sql", "missing"),
    [
        ("SELECT email AS mailbox, tier FROM people", "no column is email, phone_number or external_id"),
        ("SELECT email, 'x' AS level FROM people", "no column is the attribute 'city'"),
    ],
)
def test_a_result_that_a_run_would_refuse_is_refused_before(
    words: list[str], sql: str, missing: str, folder: Path, command: Any
) -> None:
    settings = SETTINGS.replace('["plan"]', '["city"]').replace('columns = { plan = "tier" }', "")
    (folder / "connections.toml").write_text(settings)
    (folder / "vips.sql").write_text(sql)
    failed = command("queries", *words, "42")
    assert failed.exit_code == 1
    assert missing in " ".join(failed.output.split())


def test_an_unknown_query_is_answered_with_the_known_ones(folder: Path, command: Any) -> None:
    failed = command("queries", "check", "43")
    assert failed.exit_code == 1
    assert "there is no query '43'; known: 42" in failed.output


def test_a_preview_says_what_the_same_rows_then_do_and_writes_nothing(
    folder: Path, world: World, redis_url: str, command: Any, redis: Redis
) -> None:
    with working(redis_url):
        given = people_file(folder, *(f"{each}," for each in people(30)), header="email,tier")
        command("sync", "42", given, "--name", "VIPs")
        settled(redis)
    before = {key: redis.dump(key) for key in redis.scan_iter("*") if not key.startswith(b"ferry:limits:")}
    found = json.loads(command("queries", "preview", "42", "--json").stdout)
    assert {key: redis.dump(key) for key in redis.scan_iter("*") if not key.startswith(b"ferry:limits:")} == before
    counts = {name: found["counts"][name] for name in ("rows", "people", "adds", "updates", "removals", "unchanged")}
    assert counts == {"rows": 31, "people": 30, "adds": 3, "updates": 27, "removals": 3, "unchanged": 0}
    assert found["counts"]["shrink"] == {"email_invalid": 1}
    assert found["left_out"] == {"spent": {"number_not_finite": 30}}
    assert found["people"]["remove"] == ["p***@e***.com"] * 3
    said = command("queries", "preview", "42").output
    assert "nothing was stored or sent" in said


def test_doctor_tries_every_source(folder: Path, command: Any) -> None:
    with (folder / "connections.toml").open("a") as settings:
        settings.write('[sources.gone]\nsqlite = "gone.sqlite"\n[sources.server]\nurl_env = "WAREHOUSE"\n')
    url = "postgresql://ferry:secret-word@127.0.0.1:1/shop"
    said = command("doctor", "--json", WAREHOUSE=url).stdout
    found = {check["check"]: check for check in json.loads(said)}
    assert (found["source shop"]["result"], found["source shop"]["detail"]) == ("ok", "can be read")
    assert found["source gone"]["result"] == "fail"
    assert found["source gone"]["remedy"].startswith("there is no file")
    assert (found["source server"]["result"], found["source server"]["detail"]) == (
        "fail",
        "unreachable OperationalError",
    )
    assert "secret-word" not in said
