"""The programs of a benchmark, forked from a process that has imported Ferry where they would import it again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence

import pytest

from bench import processes, queries, queues, rivals
from tests.support import forked
from tests.support.forked import Forked

_LONGEST_S = 300.0


def fork_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork what a benchmark of this process starts in Python; other programs are started."""
    started = processes.start

    def start(command: Sequence[str], variables: Mapping[str, str], output: int) -> subprocess.Popen[bytes] | Forked:
        if command[0] == sys.executable:
            return Forked(command, variables, output, output)
        return started(command, variables, output)

    monkeypatch.setattr(processes, "start", start)
    for module in (queries, queues, rivals):
        monkeypatch.setattr(module, "run_to_end", _run_to_end)


def _run_to_end(
    command: Sequence[str], variables: Mapping[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    return forked.run(command, variables, _LONGEST_S, given)
