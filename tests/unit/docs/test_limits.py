"""The page of limits says the limits that hold."""

from __future__ import annotations

from intake.http import limits
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "limits.md"


def test_the_page_names_every_limit() -> None:
    cells = [line.split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    said = {cell[1].strip().partition(" ")[0]: int(cell[2].strip().replace(",", "")) for cell in cells[1:] if cell[2:]}
    assert said == {
        "bytes": limits.STORED,
        "values": limits.VALUES,
        "names": limits.NAMES,
        "changes": limits.CHANGES,
        "lines": limits.LINES,
        "people": limits.PROFILES,
        "audiences": limits.AUDIENCES,
        "memberships": limits.MEMBERSHIPS,
        "identities": limits.IDENTITIES,
        "readings": limits.COMPARED,
        "levels": limits.NESTED,
        "digits": limits.DIGITS,
    }
    assert f"| bytes of a body, decompressed | {limits.BODY:,} |" in PAGE.read_text()
    assert f"whose write key no header shows | {limits.KEYED_BODY:,} | 413 |" in PAGE.read_text()
