"""systemd's unit starts the process that its instance names."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from tests.support.dynos import procfile, systemd_unit


@pytest.mark.parametrize(("instance", "process"), [("web", "web"), ("scheduler", "scheduler"), ("worker-2", "worker")])
def test_an_instance_of_the_unit_starts_the_process_before_its_dash(instance: str, process: str) -> None:
    said = systemd_unit()["Service"]["ExecStart"].replace("%i", instance).replace("%%", "%").replace("$$", "$")
    ran = subprocess.run(
        shlex.split(said.replace("/opt/ferry/.venv/bin/ferry", "echo")), capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == process
    assert f"ferry {process}" in procfile().values()
