"""Nobody has to read more files than CONTRIBUTING.md says to follow one change, one flush and one snapshot."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.support import forked
from tests.support.ops import environment
from tests.support.paths import ROOT

#: What the scheduler does only now and then may fall into a walk.
_BESIDE = 3


def test_no_walk_through_the_code_has_become_longer(tmp_path: Path) -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    said = [int(files) for files in re.findall(r"^\| [^|]+ \| (\d+) \| \d+ \|$", page, re.MULTILINE)]
    command = [sys.executable, "-P", "-m", "bench.trips"]
    ended = forked.run(command, environment(None, tmp_path), 240)
    assert ended.returncode == 0, ended.stderr
    found = [int(files) for files in re.findall(r"^(?:one|ferry|a) .*?(\d+) +\d+$", ended.stdout, re.MULTILINE)]
    assert len(said) == len(found) == 3
    assert all(now <= then + _BESIDE for now, then in zip(found, said, strict=True)), (found, said)
