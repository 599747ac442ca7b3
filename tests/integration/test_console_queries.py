"""Queries in the console and its API: who sees what, and what they may do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from configuration.queries import DataSource
from console.auth.roles import Role
from queues import audit
from queues.clock import now_ms
from queues.queries import leases
from tests.support.console import Console, console
from tests.support.queries import NAME, good_run, last, query, state

SQL = "select email from people where plan <> 'none'"


@pytest.fixture
def served(redis: Redis, redis_url: str, tmp_path: Path) -> Iterator[Console]:
    (tmp_path / "vips.sql").write_text(SQL)
    source = DataSource("shop", "sqlite", str(tmp_path / "shop.sqlite"))
    vips = query(sql_file=tmp_path / "vips.sql", table=None, columns={"email": "email_address"})
    with console(redis_url, sources=(source,), queries=(vips,)) as running:
        yield running


def ask(served: Console, path: str, role: Role = Role.OPERATOR, body: Any = None, **headers: str) -> requests.Response:
    sent = {**served.bearer(role), **{name.replace("_", "-"): value for name, value in headers.items()}}
    method = "GET" if body is None else "POST"
    return requests.request(method, f"{served.url}/v1/queries{path}", headers=sent, json=body, timeout=30)


def press(served: Console, browser: requests.Session, action: str, **fields: str) -> str:
    """Press a button on the page of the query; the page that follows."""
    page = f"{served.url}/queries/{NAME}"
    answer = browser.post(f"{page}/{action}", {"csrf": served.csrf(browser), **fields}, timeout=30)
    answer.raise_for_status()
    return answer.text


def test_the_sql_is_for_admins_alone(served: Console) -> None:
    for role in (Role.VIEWER, Role.OPERATOR):
        assert ask(served, f"/{NAME}", role).json()["sql"] is None
        assert "select email" not in served.browser(role).get(f"{served.url}/queries/{NAME}", timeout=30).text
    assert ask(served, f"/{NAME}", Role.ADMIN).json()["sql"] == SQL
    admin = served.browser(Role.ADMIN)
    page = admin.get(f"{served.url}/queries/{NAME}", timeout=30).text
    assert page.index("email = email_address") < page.index("where plan &lt;&gt; &#39;none&#39;")
    refresh = admin.get(f"{served.url}/queries/{NAME}", headers={"HX-Request": "true"}, timeout=30).text
    assert "email = email_address" in refresh
    assert "where plan" not in refresh


def test_an_idempotency_key_begins_one_run(served: Console, redis: Redis) -> None:
    first = ask(served, f"/{NAME}/run", body={}, Idempotency_Key="dbt-1")
    again = ask(served, f"/{NAME}/run", body={}, Idempotency_Key="dbt-1")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json() == {"run": last(redis).id}
    assert ask(served, f"/{NAME}/run", body={}).status_code == 409
    assert ask(served, f"/{NAME}/run", body={}, Idempotency_Key="x" * 256).status_code == 400
    (run,) = ask(served, f"/{NAME}/runs").json()["runs"]
    assert (run["run"], run["state"], run["by"]) == (last(redis).id, "queued", "api:operator")


def test_a_viewer_looks_and_an_operator_pauses(served: Console, redis: Redis) -> None:
    assert ask(served, "", Role.VIEWER).json()["queries"][0]["query"] == NAME
    assert ask(served, f"/{NAME}/pause", Role.VIEWER, {"reason": "no"}).status_code == 403
    assert ask(served, f"/{NAME}/pause", body={"reason": "migration"}).json() == {"query": NAME, "paused": True}
    assert ask(served, f"/{NAME}").json()["query"]["paused"] == "migration"
    assert ask(served, f"/{NAME}/resume", body={}).json() == {"query": NAME, "resumed": True}
    assert ask(served, "/nobody").status_code == 404
    assert [entry.what for entry in audit.read(redis, 2)] == ["query resume", "query pause"]


def test_the_page_runs_cancels_pauses_and_resumes(served: Console, redis: Redis) -> None:
    browser = served.browser(Role.OPERATOR)
    assert "You started a run of vips." in press(served, browser, "run")
    assert "Another run of vips has not ended" in press(served, browser, "run")
    page = browser.get(f"{served.url}/queries/{NAME}", timeout=30).text
    assert f'name="run" value="{last(redis).id}"' in page
    assert "You cancelled the run of vips." in press(served, browser, "cancel", run=last(redis).id)
    page = press(served, browser, "pause", reason="migration for ann@example.com")
    assert "Paused by web:operator: migration for ***" in page
    assert "vips was already paused; that reason stays." in press(served, browser, "pause", reason="another")
    assert "Paused by" not in press(served, browser, "resume")
    assert "vips was not paused; nothing was changed." in press(served, browser, "resume")
    assert state(redis).pause is None
    listed = browser.get(f"{served.url}/queries", timeout=30).text
    assert "Scheduled queries" in listed
    assert "0 * * * *" in listed


def test_only_the_run_that_the_page_showed_is_cancelled(served: Console, redis: Redis) -> None:
    shown = good_run(redis)
    browser = served.browser(Role.OPERATOR)
    press(served, browser, "run")
    assert "The run of vips had already ended; nothing was changed." in press(served, browser, "cancel", run=shown)
    held = leases.take(redis, last(redis).id, "shop", 1, now_ms(), 60_000, 5_000)
    assert held is not None
    assert not held.cancelled
    for other in ("", "lapsed-1"):
        answer = browser.post(
            f"{served.url}/queries/{NAME}/cancel", {"csrf": served.csrf(browser), "run": other}, timeout=30
        )
        assert answer.status_code == 400


def test_a_failed_run_says_first_that_the_list_was_not_touched(served: Console, redis: Redis) -> None:
    browser = served.browser(Role.VIEWER)
    ask(served, f"/{NAME}/run", body={})
    held = leases.take(redis, last(redis).id, "shop", 1, now_ms(), 60_000, 5_000)
    assert held is not None
    held.run.state, held.run.ended, held.run.error = "failed", now_ms(), "unreachable"
    held.run.remedy = "The list was not touched. Unreachable: start the database."
    assert leases.end(redis, held, {})
    page = browser.get(f"{served.url}/queries/{NAME}/runs/{held.run.id}", timeout=30).text
    assert page.index("The list was not touched.") < page.index("What happened")
    assert '<span class="unseen"> failed queries</span>' in page
