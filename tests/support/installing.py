"""Ferry installed as a stranger does it: a copy of the repository, an empty environment, the documented steps."""

from __future__ import annotations

import fnmatch
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import requests

from tests.support.paths import ROOT
from tests.support.web import TOKEN, Sender, free_port

#: The Python that this environment was made with, itself without any package.
PYTHON = str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")
_LEFT = (".git", ".venv", ".clients", "var", "build", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")
#: Left out of the machine's environment. How pip reaches its registry stays: that is the machine's affair.
_NOT_OURS = ("PYTHON", "VIRTUAL_ENV", "FERRY_", "KLAVIYO_", "REDIS_", "MAKE", "MFLAGS", "PYTEST", "COV")


def checkout(folder: Path) -> Path:
    """A copy of the repository as it is now, and nothing that was made in it."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_LEFT))
    return folder


def image(context: Path, folder: Path) -> Path:
    """What `COPY . .` brings along of a folder: everything but what its .dockerignore names."""
    patterns = (context / ".dockerignore").read_text().split()

    def ignored(where: str, names: list[str]) -> list[str]:
        inside = Path(where).relative_to(context)
        return [
            name
            for name in names
            if any(
                fnmatch.fnmatch(name if each.startswith("**/") else str(inside / name), each.removeprefix("**/"))
                for each in patterns
            )
        ]

    shutil.copytree(context, folder, ignore=ignored, dirs_exist_ok=True)
    return folder


def environment(*first: Path) -> dict[str, str]:
    """What a shell of somebody else has. `first`: folders in front of PATH."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
    # Compiling what is installed takes half of the time, and nothing is proved by it.
    own = {"PATH": ":".join([*map(str, first), "/usr/local/bin:/usr/bin:/bin"]), "PIP_NO_COMPILE": "1"}
    return {**known, **own}


def empty(folder: Path) -> Path:
    """The folder `bin` of a new virtual environment with pip and nothing else."""
    subprocess.run([PYTHON, "-m", "venv", str(folder)], env=environment(), check=True)
    return folder / "bin"


def tried(step: str, folder: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Carry out a line of a shell."""
    return subprocess.run(["/bin/sh", "-c", step], cwd=folder, env=env, capture_output=True, text=True, check=False)


def follow(step: str, folder: Path, env: Mapping[str, str]) -> None:
    """Carry out a line of a shell, which has to succeed."""
    done = tried(step, folder, env)
    assert done.returncode == 0, f"{step}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"


def build_alone(step: str, folder: Path, env: Mapping[str, str]) -> None:
    """Carry out a step that builds Ferry, which may fetch nothing."""
    follow(step, folder, {**env, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""})


def where_it_is(python: Path, folder: Path) -> Path:
    """The folder that the installed code is in."""
    found = subprocess.run(
        [str(python), "-P", "-c", "import queues; print(queues.__path__[0])"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(found.stdout.strip()).parent


def works(command: str, folder: Path, redis_url: str, env: Mapping[str, str]) -> None:
    """Start the intake that was installed: it takes a change, shows its page with what that loads, and ends in order.

    So what is not Python has come along: Lua scripts, templates, the files for browsers.
    """
    sender = Sender(free_port())
    settings = {
        "REDIS_URL": redis_url,
        "PORT": str(sender.port),
        "FERRY_TOKENS": f"test:{TOKEN}",
        "FERRY_SECRET_KEY": "0123456789abcdef" * 4,
        "FERRY_ADMIN_TOKEN": "fedcba9876543210" * 4,
    }
    with subprocess.Popen(shlex.split(command), cwd=folder, env={**env, **settings}) as web:
        try:
            sender.wait_until_up()
            change = {"audience": {"id": "42"}, "changes": [{"action": "add", "email": "ann@example.com"}]}
            headers = {"Authorization": f"Bearer {TOKEN}"}
            assert (
                requests.post(f"{sender.url}/v1/changes", json=change, headers=headers, timeout=30).status_code == 202
            )
            assert "<form" in requests.get(f"{sender.url}/sign-in", timeout=30).text
            for file in (ROOT / "console" / "static").iterdir():
                assert requests.get(f"{sender.url}/static/{file.name}", timeout=30).content == file.read_bytes()
        finally:
            web.send_signal(signal.SIGTERM)
        assert web.wait(60) == -signal.SIGTERM
