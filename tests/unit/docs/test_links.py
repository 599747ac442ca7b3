"""Every relative link in the documents leads to a file that exists, and to a heading of it where it names one."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.paths import ROOT

NAMED = ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")
DOCUMENTS = [*(ROOT / name for name in NAMED), *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(<?([^)>\s]+)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")


def links(document: Path) -> list[str]:
    """What a document links to within the repository."""
    text = _CODE.sub("", _BLOCK.sub("", document.read_text()))
    return [target for target in _LINK.findall(text) if not _ELSEWHERE.match(target)]


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a document."""
    found: list[str] = []
    for heading in _HEADING.findall(_BLOCK.sub("", document.read_text())):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.append(f"{anchor}-{found.count(anchor)}" if anchor in found else anchor)
    return set(found)


def broken(document: Path) -> list[str]:
    """The links of a document that lead nowhere."""
    return [link for link in links(document) if not _leads_somewhere(document, *unquote(link).partition("#")[::2])]


def _leads_somewhere(document: Path, path: str, anchor: str) -> bool:
    target = document.parent / path if path else document
    return target.exists() and (not anchor or anchor in anchors(target))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    assert broken(document) == []


def test_the_guarantees_link_to_tests() -> None:
    for name in ("README.md", "SECURITY.md", "docs/reliability.md"):
        assert any("tests/" in link for link in links(ROOT / name)), f"{name} links to no test"


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text(
        "# A heading: `code`, and more\n\n## Twice\n\n## Twice\n\n```\n# no heading\n```\n"
    )
    document = tmp_path / "document.md"
    document.write_text(
        "# Here\n[a](other.md) [b](other.md#a-heading-code-and-more) [c](#here) [d](other.md#twice-1) [e](https://x/y)\n"
        "[f](gone.md) [g](other.md#no-heading) [h](#nowhere) [i](other.md#twice-2) `[j](in-code.md)`\n"
    )
    assert broken(document) == ["gone.md", "other.md#no-heading", "#nowhere", "other.md#twice-2"]
