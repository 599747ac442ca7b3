"""Every command that README.md or a page of docs/ shows to type is run by a test, or has a reason why none can."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from local import group_files
from tests.support.alerts import receiving
from tests.support.guide import done
from tests.support.klaviyo import Account
from tests.support.paths import ROOT
from tests.support.up import HurriedUp

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: The first line of a block -> the test that runs it, or why nothing can.
ELSEWHERE: Final = {
    "make demo    #": "tests/integration/test_ops_demo.py runs the demo; `make test` is what runs this test",
    "make run     #": "tests/integration/test_ops_up.py; here it runs on a free port",
    "ferry selftest default --yes": "tests/integration/test_ops_selftest.py, on an account that is a test account",
    "ferry selftest default --identity": "tests/integration/test_ops_selftest_identity.py; it takes minutes",
    "heroku create": "needs Heroku; tests/integration/test_one_off_process.py runs the processes as dynos",
    "heroku run ferry status": "needs Heroku; tests/integration/test_one_off_process.py runs such dynos",
    "docker compose up": "needs Docker; tests/unit/docs/test_deploy_files.py reads compose.yaml",
    "sudo useradd": "needs root and systemd; tests/install/test_installing.py follows the steps that install",
    "sudo systemd-run": "needs root and systemd; tests/integration/test_systemd_unit.py runs the unit's commands",
    "docker build": "needs Docker and a cluster; tests/unit/docs/test_kubernetes.py checks the manifests",
    "python3.11 -m venv env": "tests/install/test_installing.py",
    "cd /opt/ferry && sudo git pull": "needs root; tests/install/test_installing.py follows these steps",
    "ferry users add prometheus": "writes to /etc; tests/integration/test_metrics_docs.py reads the page",
    "export BRAND_B_TOKEN=": "tests/integration/test_senders_guide.py",
    "ferry senders\n": "tests/integration/test_senders_guide.py",
    "ferry connections list   ": "tests/integration/test_senders_guide.py",
}
#: Pages whose blocks are all run by a test of their own.
GUIDES: Final = {
    "docs/files.md": "tests/integration/test_files_guide.py",
    "docs/warehouse.md": "tests/integration/test_warehouse_guide.py",
    "docs/operator_api.md": "tests/integration/test_operator_api_guide.py",
}


class Block(NamedTuple):
    """Commands to type, and their page."""

    page: str
    text: str

    @property
    def elsewhere(self) -> list[str]:
        """The lines of ELSEWHERE that are about this block."""
        return [line for line in ELSEWHERE if self.text.startswith(line)]


def blocks(page: str) -> list[Block]:
    """What a page shows to type: blocks of the language `sh` or of none."""
    text = (ROOT / page).read_text()
    return [Block(page, block) for language, block in _FENCE.findall(text) if language in ("", "sh")]


PAGES: Final = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
EVERY: Final = [block for page in PAGES if page not in GUIDES for block in blocks(page)]
#: Run here, in this order and in one shell, beside a running group.
HERE: Final = [block for block in EVERY if not block.elsewhere]


class Typed(NamedTuple):
    """What the blocks of HERE printed, the alert that arrived, and the Klaviyo account of the group."""

    said: dict[str, str]
    alerts: list[str]
    klaviyo: Account


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Typed]:
    folder = tmp_path_factory.mktemp("reader")
    (folder / ".venv").symlink_to(sys.prefix)
    _password_store(folder / "bin")
    (folder / "connections.toml").write_text('[alerts]\nslack_url_env = "SLACK_WEBHOOK"\n')
    with receiving() as slack:
        env = {"FERRY_CONNECTIONS": str(folder / "connections.toml"), "SLACK_WEBHOOK": slack.url}
        up = HurriedUp(folder / "var", **env)
        try:
            up.wait_until_up()
            start = f"export SLACK_WEBHOOK={slack.url} PATH={folder}/bin:$PATH\n"
            said = done(folder, [start, *(block.text for block in HERE)])[1:]
            klaviyo = Account(group_files.read(folder / "var")["KLAVIYO_BASE_URL"])
            yield Typed({block.text: text for block, text in zip(HERE, said, strict=True)}, slack.texts, klaviyo)
            klaviyo.close()
        finally:
            up.end()


def _password_store(folder: Path) -> None:
    """A program `pass`, which prints a Klaviyo key."""
    folder.mkdir()
    program = folder / "pass"
    program.write_text("#!/bin/sh\necho pk_of_brand_c\n")
    program.chmod(0o755)


def of(typed: Typed, beginning: str) -> str:
    """What the one block that begins so printed."""
    (said,) = [said for block, said in typed.said.items() if block.startswith(beginning)]
    return said


def test_every_block_is_run_here_or_named_with_the_test_or_the_reason() -> None:
    assert [block.text for block in EVERY if len(block.elsewhere) > 1] == []
    named = {line for block in EVERY for line in block.elsewhere}
    assert named == set(ELSEWHERE), "a reason for a block that is gone"
    assert {block.page for block in HERE} == {
        "README.md",
        "docs/alerts.md",
        "docs/connections.md",
        "docs/deploy.md",
        "docs/operations.md",
        "docs/scaling.md",
    }
    for reason in (*ELSEWHERE.values(), *GUIDES.values()):
        for test in re.findall(r"tests/[\w/]+\.py", reason):
            assert (ROOT / test).is_file(), test


def test_from_the_first_change_to_a_list_that_equals_a_file(typed: Typed) -> None:
    first = of(typed, ". .venv/bin/activate")
    assert '"accepted":1' in first
    assert "All settled: 1 change, no dead letters." in first
    second = of(typed, "cat > vips.csv")
    assert '"status":"/v1/audiences/42/syncs/' in second.replace(" ", "")
    assert typed.klaviyo.members("VIPs") >= {"ann@example.com"}


def test_a_key_from_a_password_store_becomes_a_connection(typed: Typed) -> None:
    assert "brand-c was added" in of(typed, "pass show klaviyo/brand-c")


def test_the_test_alert_arrives(typed: Typed) -> None:
    assert "slack: arrived" in of(typed, "ferry alerts test").lower()
    assert any("This is a test" in text for text in typed.alerts)


def test_the_check_of_a_monitor_says_that_nobody_is_needed(typed: Typed) -> None:
    assert of(typed, "ferry status --check").strip() == ""


def test_what_shows_that_it_is_time_for_another_process_is_among_the_metrics(typed: Typed) -> None:
    said = of(typed, 'curl -sS --fail-with-body "localhost:$PORT/metrics"')
    names = {line.split("{")[0].split(" ")[0] for line in said.splitlines()}
    assert {"ferry_workers", "ferry_scheduler_lag_seconds", "ferry_redis_memory_used_bytes"} <= names
    assert 'ferry_workers{state="' in said


def test_the_settings_for_compose_are_written(typed: Typed) -> None:
    of(typed, "umask 077")
