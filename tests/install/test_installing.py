"""Each way to install Ferry, by its documented steps, from an empty environment, with hashes; and on which platforms.

Docker itself is not run: the steps of the Dockerfile are followed in a fresh folder, with an empty virtual environment
in the place of the base image's Python. Of systemd's steps those are followed that install; its unit is read in
tests/unit/docs/test_deploy_files.py.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.dynos import procfile
from tests.support.installing import (
    PYTHON,
    build_alone,
    checkout,
    empty,
    environment,
    follow,
    image,
    tried,
    where_it_is,
    works,
)
from tests.support.paths import ROOT
from tests.support.pins import APART, FILES

WEB = procfile()["web"]


def documented(heading: str) -> list[str]:
    """The lines to type of a section of docs/deploy.md, where Ferry's folder is the current one and nobody is root."""
    page = (ROOT / "docs" / "deploy.md").read_text()
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL)
    lines = [
        line
        for block in re.findall(r"^```(?:sh)?\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    return [
        re.sub(r"^cd /opt/ferry( && )?", "", line.replace("sudo ", "")).replace("/opt/ferry/", "") for line in lines
    ]


def test_make_installs_ferry(tmp_path: Path, redis_url: str) -> None:
    folder = checkout(tmp_path / "ferry")
    follow(f"make PYTHON={PYTHON} .venv/run", folder, environment())
    works(f"{folder}/.venv/bin/{WEB}", tmp_path, redis_url, environment())
    assert where_it_is(folder / ".venv/bin/python", tmp_path) == folder, "what is changed here runs at once"


def test_the_steps_of_the_dockerfile_install_ferry(tmp_path: Path, redis_url: str) -> None:
    context, source, app = checkout(tmp_path / "context"), tmp_path / "src", tmp_path / "app"
    source.mkdir()
    app.mkdir()
    # What is in a folder that was worked in: the first two in no image, the third in every one.
    (context / ".env").write_text("KLAVIYO_API_KEY=pk_secret\n")
    (context / "build" / "lib" / "stale").mkdir(parents=True)
    (context / "connections.toml").write_text("")
    python = empty(tmp_path / "python")
    env, ran = environment(python), list[str]()
    _, build, run = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    for step in build.splitlines():
        word, _, rest = step.partition(" ")
        if step == "COPY . .":
            image(context, source)
        elif word == "COPY":
            name, target = rest.split()
            (source / target / name).write_bytes((context / name).read_bytes())
        elif word == "RUN" and "pip install" in rest:
            (build_alone if ran else follow)(rest.replace("/opt/ferry/bin/", ""), source, env)
            ran.append(rest)
    assert len(ran) == 2
    assert not (source / "build" / "lib" / "stale").exists()
    assert not {".env", "tests", "bench"} & {path.name for path in source.iterdir()}
    (copied,) = re.findall(r"^COPY ([^-].*) \./$", run, re.MULTILINE)
    for path in (path for pattern in copied.split() for path in context.glob(pattern)):
        (app / path.name).write_bytes(path.read_bytes())
    assert {path.name for path in app.iterdir()} == {"LICENSE", "connections.toml"}
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", run, re.MULTILINE)
    works(" ".join([*json.loads(entry), "web"]), app, redis_url, env)
    assert where_it_is(python / "python", app).name == "site-packages"


def test_heroku_installs_ferry_and_runs_it_where_it_was_not_built(tmp_path: Path, redis_url: str) -> None:
    build, app = checkout(tmp_path / "build"), tmp_path / "app"
    python = empty(tmp_path / "python")
    env = environment(python)
    # Heroku's own step, then its hook.
    follow("pip install -r requirements.txt --no-cache-dir --no-input", build, env)
    build_alone("bin/post_compile", build, env)
    build.rename(app)
    works(WEB, app, redis_url, env)
    assert where_it_is(python / "python", app).name == "site-packages"


def test_the_steps_for_systemd_install_ferry_and_those_of_an_upgrade_bring_the_new_one(
    tmp_path: Path, redis_url: str
) -> None:
    folder = checkout(tmp_path / "ferry")
    env = environment()
    steps = [line for line in documented("systemd") if re.search(r"-m venv |pip install", line)]
    assert len(steps) == 3
    for step in steps:
        follow(step.replace("python3.11", PYTHON), folder, env)
    (folder / "text/wording.py").write_text(f"{(folder / 'text/wording.py').read_text()}\nNEW = True\n")
    upgrade = [line for line in documented("Upgrades") if "pip install" in line]
    assert upgrade == steps[1:]
    for step in upgrade:
        follow(step, folder, {**env, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""})
    works(f"{folder}/.venv/bin/{WEB}", tmp_path, redis_url, env)
    follow(f"{folder}/.venv/bin/python -P -c 'from text import wording; assert wording.NEW'", tmp_path, env)


def test_a_wheel_runs_the_demo_from_an_empty_folder(tmp_path: Path) -> None:
    folder, elsewhere = checkout(tmp_path / "ferry"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    env = environment()
    *steps, run = documented("A wheel")
    for step in steps:
        follow(step.replace("python3.11", PYTHON), folder, env)
    assert [path.name for path in (folder / "dist").iterdir()] == ["ferry_klaviyo-0.1.0-py3-none-any.whl"]
    done = tried(f"{folder}/{run}", elsewhere, env)
    assert done.returncode == 0, done.stderr
    assert "make " not in done.stdout + done.stderr, "there is no Makefile here"
    assert where_it_is(folder / "env/bin/python", elsewhere).name == "site-packages"


def test_a_package_with_another_hash_is_not_installed(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "ferry")
    (h11,) = re.findall(r"^h11==\S+", (folder / "requirements.txt").read_text(), re.MULTILINE)
    (folder / "requirements.txt").write_text(f"{h11} --hash=sha256:{'0' * 64}\n")
    done = tried(f"make PYTHON={PYTHON} .venv/run", folder, environment())
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (folder / ".venv/bin/ferry").exists()


TOGETHER = [name for name in FILES if name not in APART]


@pytest.mark.parametrize("files", [TOGETHER, *([name] for name in APART)], ids=["together", *APART])
@pytest.mark.parametrize("platform", ["x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin"])
def test_there_are_wheels_of_everything_for_each_platform(platform: str, files: list[str], tmp_path: Path) -> None:
    asked = ["pip", "install", "--dry-run", "--require-hashes", "--python-version", "3.11", "--target", str(tmp_path)]
    required = [word for name in files for word in ("-r", str(ROOT / name))]
    done = subprocess.run(
        [sys.executable, "-m", "uv", *asked, "--python-platform", platform, *required],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"Would install \d\d+ packages", done.stderr)
