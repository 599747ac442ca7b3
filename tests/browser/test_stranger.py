"""Somebody who has read the README, and nothing else, sees the first change arrive in Klaviyo."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import group_files
from tests.browser.chromium import Chromium, as_new
from tests.browser.page import Page
from tests.support.klaviyo import Account
from tests.support.ops import environment
from tests.support.paths import ROOT
from tests.support.up import Up

_RUN_IT = (ROOT / "README.md").read_text().partition("\n## Run it\n")[2].partition("\n## ")[0]
#: What the README has one type in another terminal.
COMMANDS = re.findall(r"^```sh\n(\. .*?)^```$", _RUN_IT, re.DOTALL | re.MULTILINE)[0]
_PRINTED = re.compile(r"Console +(\S+)/ +sign in with FERRY_ADMIN_TOKEN in (\S+)")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder with a copy of Ferry, as far as the commands need it."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


@pytest.fixture
def up(home: Path) -> Iterator[Up]:
    """`ferry up`, called there."""
    started = Up(home / "var")
    try:
        started.wait_until_up()
        yield started
    finally:
        started.end()


def typed(home: Path, *commands: str) -> str:
    """What a shell in that folder says to commands, one after the other."""
    shell = ["bash", "-e", "-c", "\n".join(commands)]
    told = subprocess.run(
        shell, cwd=home, env=environment(None, home / "var"), capture_output=True, text=True, timeout=120, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def test_from_the_readme_to_the_first_delivery(driver: Chromium, home: Path, up: Up) -> None:
    printed = _PRINTED.search(up.text())
    assert printed, up.text()
    assert Path(printed[2]) == home / "var" / "group.env"
    enter, show, post, look, flush = re.split(r"\n(?=\S)", COMMANDS.strip())
    assert flush.startswith("ferry flush VIPs --wait"), "which is done on the page here"

    as_new(driver)
    page = Page(driver, printed[1])
    page.open()
    page.says("FERRY_ADMIN_TOKEN in group.env")
    page.fill("Your token", typed(home, enter, show).strip())
    page.press("Sign in")
    page.says("Ready for the first change", "No queues yet", "curl")

    assert '"accepted":1' in typed(home, enter, post)
    page.until(lambda: "1 / 100" in page.row("default/audience/42"), "the change")
    assert "VIPs" in typed(home, enter, look)
    page.press("Flush default/audience/42")
    page.press("Flush VIPs now")
    page.shows("/queues/default/audience/42", "Delivered\n1", "operator")
    klaviyo = Account(group_files.read(up.var)["KLAVIYO_BASE_URL"])
    assert klaviyo.members("VIPs") == {"ann@example.com"}
    klaviyo.close()
