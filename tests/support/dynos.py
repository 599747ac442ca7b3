"""Ferry as Heroku runs it: the Procfile's commands with the environment of a dyno, and one-off dynos beside them."""

from __future__ import annotations

import configparser
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.group import Group
from tests.support.paths import ROOT


def procfile() -> dict[str, str]:
    """Process -> its command."""
    return dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


def systemd_unit() -> configparser.ConfigParser:
    """What systemd reads of an installation."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    parser.read_string((ROOT / "deploy" / "ferry@.service").read_text())
    return parser


class Dynos(Group):
    """Processes by the names of the Procfile. `config`: the app's config vars."""

    def __init__(self, config: Mapping[str, str], folder: Path, *names: str) -> None:
        super().__init__(config, folder, *names, fresh=True)
        self._config = dict(config)

    def command(self, name: str) -> list[str]:
        """What the Procfile says."""
        return shlex.split(procfile()[name.partition("-")[0]])

    def environment(self, name: str) -> dict[str, str]:
        """The config vars and what Heroku adds to them; nothing of this machine's."""
        return {
            **self._config,
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(self._folder),
            "LANG": "en_US.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "DYNO": f"{name}.1",
            "PORT": str(self.port),
        }

    def one_off(self, command: str) -> subprocess.Popen[str]:
        """`heroku run:detached command`."""
        return subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            env=self.environment("run"),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str) -> tuple[int, str]:
        """`heroku run command`: its exit code and what it printed."""
        process = self.one_off(command)
        told, _ = process.communicate(timeout=180)
        return process.returncode, told
