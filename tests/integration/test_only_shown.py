"""With many queues, pages, commands and answers count one by one only the queues that they show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from redis import Redis

from console.auth.roles import Role
from queues import scripts
from queues.names import Queue
from tests.integration.test_figures import without_figures
from tests.integration.test_ops_remote import over
from tests.support.console import Console
from tests.support.ops import ferry, put

QUEUES: Final = [Queue("default", "audience", f"{number}") for number in range(12)]
#: The queue that is asked for, the only one with a dead letter, and the one with the oldest change.
ASKED, LETTER, OLDEST = QUEUES[5], QUEUES[7], QUEUES[0]
PAGES: Final = (
    "/",
    "/dead",
    f"/dead?queue={ASKED}",
    "/dead.csv",
    "/dead/replay?all=1",
    "/person",
    "/holds",
    f"/queues/{ASKED}",
    f"/queues/{ASKED}/flush",
    f"/queues/{ASKED}/hold",
    "/connections/default/hold",
    "/connections/default/release",
    "/syncs",
    "/syncs?state=done",
    "/retries",
    "/connections",
    "/alerts",
    "/senders",
)
ANSWERS: Final = (
    f"/v1/queues/{ASKED}",
    "/v1/queues?state=held",
    "/v1/queues?limit=1",
    "/v1/holds",
    "/v1/dead",
    f"/v1/dead?queue={ASKED}",
)
COMMANDS: Final = (
    ("status", "5"),
    ("status", "--state", "held"),
    ("flush", "5"),
    ("hold", "5", "--reason", "maintenance"),
    ("holds",),
    ("release", "5"),
    ("dead", "list"),
    ("dead", "list", "--queue", "5"),
)


@pytest.fixture
def many(redis: Redis) -> Redis:
    for queue in QUEUES:
        put(redis, "ann@example.com", queue=queue, name="", dead="bob@example.com" if queue == LETTER else "")
    return redis


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Yield the queues that are counted one by one in the block."""
    run, counted = scripts.run, set[str]()

    def noting(redis: Redis, name: str, script_keys: list[str], args: list[Any]) -> Any:
        if name == "census":
            counted.update(args)
        return run(redis, name, script_keys, args)

    with monkeypatch.context() as patch:
        patch.setattr(scripts, "run", noting)
        yield counted


#: Commands that end before they do anything, because the audience has no list, no key or no file.
OTHERS: Final = (
    ("explain", "5", "ann@example.com"),
    ("export", "5"),
    ("preflight", "5"),
    ("reconcile", "5"),
    ("sync", "5", "people.csv", "--dry-run"),
    ("syncs",),
    ("syncs", "5"),
    ("doctor",),
)


def opened(served: Console, session: requests.Session, path: str) -> None:
    headers = served.bearer(Role.ADMIN) if path.startswith("/v1/") else {}
    answer = session.get(served.url + path, headers=headers, timeout=30)
    assert answer.status_code == 200, (path, answer.text)


def test_pages_and_answers_count_the_queues_that_they_show(
    many: Redis, served: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = served.browser(Role.ADMIN)
    for path in (*PAGES[1:], *ANSWERS):
        with counting(monkeypatch) as counted:
            opened(served, session, path)
        assert counted <= {str(ASKED), str(LETTER), str(OLDEST)}, path
    with counting(monkeypatch) as counted:
        opened(served, session, "/flush")
    assert counted == {str(queue) for queue in QUEUES}, "this page shows them all, so the counting works"


def test_commands_count_the_queues_that_they_show(
    many: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in COMMANDS:
        with counting(monkeypatch) as counted:
            done = ferry(redis_url, tmp_path, *words)
        assert done.exit_code == 0, (words, done.output)
        assert counted <= {str(ASKED), str(LETTER), str(OLDEST)}, words


def test_commands_about_one_audience_count_no_other(
    many: Redis, redis_url: str, klaviyo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "people.csv").write_text("email\nann@example.com\n")
    monkeypatch.chdir(tmp_path)
    for words in OTHERS:
        with counting(monkeypatch) as counted:
            done = ferry(redis_url, tmp_path, *words, KLAVIYO_BASE_URL=klaviyo)
        assert done.exit_code in (0, 1), (words, done.output)
        assert counted <= {str(ASKED), str(LETTER), str(OLDEST)}, words


def test_what_is_read_from_afar_is_no_more(many: Redis, served: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (
        ("status", "--limit", "1"),
        ("status", "--state", "held"),
        ("status", "5"),
        ("flush", "5"),
        ("holds",),
    ):
        with counting(monkeypatch) as counted:
            done = over(served.url, *words)
        assert done.exit_code == 0, (words, done.output)
        assert counted <= {str(ASKED), str(LETTER), str(OLDEST)}, words


def test_until_a_scheduler_has_counted_what_an_older_ferry_left_all_of_them_are_counted(
    many: Redis, served: Console, redis_url: str, tmp_path: Path
) -> None:
    without_figures(many)
    session = served.browser(Role.ADMIN)
    for path in (*PAGES, *ANSWERS, "/flush"):
        opened(served, session, path)
    for words in COMMANDS:
        done = ferry(redis_url, tmp_path, *words)
        assert done.exit_code == 0, (words, done.output)
    assert "12 queues" in session.get(f"{served.url}/flush", timeout=30).text
