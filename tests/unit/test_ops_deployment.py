"""What platforms read of the repository: it must name commands there are, and nothing of this machine."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from klaviyo.endpoints import ENDPOINTS
from ops.checks_keys import READING, WRITING

ROOT = Path(__file__).parent.parent.parent


def test_every_scope_that_a_key_may_need_is_named_where_a_key_is_asked_for() -> None:
    def scopes(text: str) -> set[str]:
        return set(re.findall(r"[a-z-]+:(?:read|write)", text))

    told = scopes(f"{READING} {WRITING}")
    assert {endpoint.scope for endpoint in ENDPOINTS if endpoint.scope} <= told
    (row,) = (line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| `KLAVIYO_API_KEY`"))
    assert scopes(row) == told
    assert scopes(json.loads((ROOT / "app.json").read_text())["env"]["KLAVIYO_API_KEY"]["description"]) == told


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-bench.txt"])
def test_requirements_are_pinned_and_name_no_place(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
    rest = [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)]
    assert rest == (["-e ."] if name == "requirements.txt" else ["-r requirements.txt"])


def test_everything_the_project_depends_on_is_pinned() -> None:
    def normal(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {normal(re.split(r"[\[<>=~!; ]", dependency)[0]) for dependency in project["dependencies"]}
    pinned = {normal(line.partition("==")[0]) for line in (ROOT / "requirements.txt").read_text().splitlines()}
    assert wanted <= pinned
