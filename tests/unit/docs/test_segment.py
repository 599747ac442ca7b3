"""docs/segment.md begins with three lines for each library, and the first three about RudderStack work as they say."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Final

from tests.support.ops import NOWHERE, ferry
from tests.support.paths import ROOT
from tests.support.segment_docs import SHOWN, lines_of

_SECTION: Final = (ROOT / "docs" / "segment.md").read_text().split("\n## RudderStack\n")[1]
_LINES: Final = [line for line in _SECTION.splitlines() if line][:3]


def test_the_page_begins_with_three_lines_for_each_library_and_webhooks_come_after() -> None:
    text = (ROOT / "docs" / "segment.md").read_text()
    headings = re.findall(r"^##+ (.+)$", text, re.MULTILINE)
    assert headings[:8] == ["Libraries", *SHOWN, "Others"]
    assert headings.index("Webhooks and other senders") > headings.index("Others")
    assert len(SHOWN) == 6
    for library in SHOWN:
        assert [line[:length] for line, length in zip(lines_of(library), (10, 9, 10), strict=True)] == [
            "1. Change:",
            "2. Run: `",
            "3. See: on",
        ], library


def test_who_changes_the_line_and_runs_the_command_sees_what_is_said(tmp_path: Path) -> None:
    change, run, see = (re.findall(r"`([^`]+)`", line) for line in _LINES)
    assert [line[:9] for line in _LINES] == ["1. Change", "2. Run: `", "3. See: `"]
    file = tmp_path / "connections.toml"
    file.write_text(f"{change[1]}\n{change[0]}\n")
    message, command = run[0].split(" | ")
    _, text = shlex.split(message)
    name, *words = shlex.split(command)
    shown = ferry(NOWHERE, tmp_path, *words, text=text, FERRY_CONNECTIONS=str(file))
    assert (name, shown.exit_code) == ("ferry", 0), shown.output
    (queue,) = json.loads(shown.output)["queues"]
    assert [person["profile"] for person in queue["people"]] == [json.loads(see[0])]
