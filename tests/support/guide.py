"""The commands of a page of docs/, done as somebody does who follows it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.support.ops import environment

_MARK: Final = "@@@ the next block"


def done(folder: Path, blocks: Sequence[str]) -> list[str]:
    """What each block of commands printed, all of them in one shell beside the group whose var is in this folder."""
    script = "".join(f"printf '\\n%s\\n' '{_MARK}'\n{block}" for block in blocks)
    env = environment(None, folder / "var")
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    command = ["bash", "-e", "-c", script]
    ran = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    printed = ran.stdout.split(_MARK)[1:]
    assert ran.returncode == 0, f"{blocks[len(printed) - 1]} ends with {ran.returncode}: {printed[-1]}\n{ran.stderr}"
    return printed
