"""The files of others that the repository carries: the version and the content that CONTRIBUTING.md says."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.paths import ROOT

STATIC = ROOT / "console" / "static"
#: What is written here.
OURS = {"ferry.css", "icon.svg", "live.js", "times.js"}
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
ROWS = re.findall(r"^\| `([^`]+)` \| ([\d.]+) \| `([0-9a-f]{64})` \|$", GUIDE, re.MULTILINE)


@pytest.mark.parametrize(("name", "version", "digest"), ROWS)
def test_a_file_of_others_is_the_one_that_was_taken_over(name: str, version: str, digest: str) -> None:
    assert sha256((ROOT / name).read_bytes()).hexdigest() == digest
    assert f"htmx.org@{version}" in GUIDE


def test_htmx_says_the_version_that_is_written_down() -> None:
    (version,) = {version for name, version, _ in ROWS if "htmx" in name}
    assert re.findall(r'\bversion="([^"]+)"', (STATIC / "htmx.min.js").read_text()) == [version]


def test_every_file_that_browsers_get_is_written_here_or_listed() -> None:
    listed = {Path(name).name for name, *_ in ROWS}
    assert {path.name for path in STATIC.iterdir()} == OURS | listed


def test_pages_load_nothing_from_elsewhere() -> None:
    pages = [*(ROOT / "console" / "templates").glob("*.html"), *(STATIC / name for name in OURS)]
    loaded = r"""(?:src|href)\s*=\s*["'](?:https?:)?//|url\(\s*["']?(?:https?:)?//|@import|import\s*\("""
    assert [path.name for path in pages if re.search(loaded, path.read_text())] == []
