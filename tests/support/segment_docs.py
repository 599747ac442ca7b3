"""The three lines of each library at the beginning of docs/segment.md: change this, run that, see it there."""

from __future__ import annotations

import re
from typing import Final

from tests.support.paths import ROOT

_TEXT: Final = (ROOT / "docs" / "segment.md").read_text()
#: The libraries with three lines of their own, in order.
SHOWN: Final = tuple(re.findall(r"^### ((?:Segment|RudderStack), .+)$", _TEXT, re.MULTILINE))


def lines_of(library: str) -> tuple[str, str, str]:
    """Return the lines of a library."""
    section = _TEXT.split(f"### {library}\n")[1].split("\n#")[0]
    change, run, see = (line for line in section.splitlines() if line)
    return change, run, see
