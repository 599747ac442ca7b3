"""The commands of a page of docs/, done as somebody does who follows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.support.forked import ferry_in
from tests.support.ops import environment, ferry_process
from tests.support.waiting import until

_MARK: Final = "@@@ the next block"


def done(folder: Path, blocks: Sequence[str]) -> list[str]:
    """What each block of commands printed, all of them in one shell beside the group whose var is in this folder."""
    until(lambda: _at_work(folder / "var"), "a scheduler and a worker")
    script = "".join(f"printf '\\n%s\\n' '{_MARK}'\n{block}" for block in blocks)
    env = environment(None, folder / "var")
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    command = ["bash", "-e", "-c", script]
    with TemporaryDirectory() as programs:
        pass_fds = [ferry_in(Path(programs), env)]
        ran = subprocess.run(
            command, cwd=folder, env=env, pass_fds=pass_fds, capture_output=True, text=True, timeout=300, check=False
        )
    printed = ran.stdout.split(_MARK)[1:]
    assert ran.returncode == 0, f"{blocks[len(printed) - 1]} ends with {ran.returncode}: {printed[-1]}\n{ran.stderr}"
    return printed


def _at_work(var: Path) -> bool:
    # Without the settings of the connections, whose variables only the shell of the blocks may have.
    told = json.loads(ferry_process(None, var, "status", "--json", FERRY_CONNECTIONS=os.devnull).stdout)
    return bool(told["workers"]) and bool(told["scheduler"]["alive"])
