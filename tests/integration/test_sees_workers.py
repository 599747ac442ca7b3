from __future__ import annotations

import subprocess
import sys

import pytest

from commands.main import COMMANDS
from queues.keys import RQ_PREFIX
from tests.support.paths import ROOT


@pytest.mark.parametrize("command", ["sync", "release"])
def test_a_command_looks_for_workers_where_they_register(command: str) -> None:
    module = COMMANDS[command][0].partition(":")[0]
    code = f"import {module}, rq; print(rq.Worker.redis_workers_keys)"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.startswith(RQ_PREFIX)
