"""The glossary names files that exist, and nothing in the code is called by a word that it advises against."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support.paths import ROOT
from tests.support.rooms import ROOMS, modules

GLOSSARY: Final = (ROOT / "docs" / "glossary.md").read_text()
_ROW: Final = re.compile(r"^\| ([^|]+) \| ([^|]+) \| `([^`|]+)` \|$", re.MULTILINE)
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def terms() -> list[tuple[str, str, str]]:
    """Term, what it is, and the file."""
    return _ROW.findall(GLOSSARY)


def avoided() -> set[str]:
    """The words that nothing is called by."""
    return set(re.findall(r"`(\w+)`", GLOSSARY.partition("## Not these words")[2].partition("## Not these phrases")[0]))


def phrases() -> list[str]:
    """The phrases that no text uses."""
    return re.findall(r'"([a-z ]+)"', GLOSSARY.partition("## Not these phrases")[2])


def texts() -> Iterator[tuple[str, str]]:
    """Path and text of everything that people read: code with its messages, pages, documents."""
    documents = [ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    documents += [path for path in (ROOT / "docs").glob("*.md") if path.name != "glossary.md"]
    code = [path for room in ROOMS for kind in ("py", "html", "lua") for path in (ROOT / room).rglob(f"*.{kind}")]
    for path in (*documents, *code):
        yield str(path.relative_to(ROOT)), path.read_text()


def phrased(text: str) -> list[str]:
    """The phrases in a text, also where a line breaks in one."""
    return [each for each in phrases() if re.search(rf"\b{each}\b".replace(" ", r"\s+"), text, re.IGNORECASE)]


def names(path: str, tree: ast.Module) -> Iterator[str]:
    """What a module is called and defines: modules, classes and functions."""
    yield path.removesuffix(".py").rpartition("/")[2]
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def called_by(name: str, words: set[str]) -> bool:
    """Whether a name is one of these words; a compound such as `told_account` says more, and is left alone."""
    found = _WORD.findall(name)
    return len(found) == 1 and found[0].lower() in words


def test_every_file_of_the_glossary_exists() -> None:
    assert [file for _, _, file in terms() if not (ROOT / file).is_file()] == []
    assert 25 <= len(terms()) <= 32


def test_the_terms_stand_in_order_and_once() -> None:
    found = [term for term, _, _ in terms()]
    assert found == sorted(set(found))


def test_nothing_is_called_by_a_word_that_the_glossary_advises_against() -> None:
    words = avoided()
    assert len(words) > 10
    found = {path: [name for name in names(path, tree) if called_by(name, words)] for path, tree in modules(*ROOMS)}
    assert {path: each for path, each in found.items() if each} == {}


@pytest.mark.parametrize("name", ["Told", "_told", "told", "Errand", "standing"])
def test_such_a_name_is_found(name: str) -> None:
    assert called_by(name, avoided())


def test_no_such_word_is_a_term() -> None:
    assert avoided().isdisjoint(term for term, _, _ in terms())


def test_no_text_uses_a_phrase_that_the_glossary_advises_against() -> None:
    assert len(phrases()) == 8
    assert {path: found for path, text in texts() if (found := phrased(text))} == {}


@pytest.mark.parametrize("text", ["Whoever acts", "it is\n    told by"])
def test_such_a_phrase_is_found(text: str) -> None:
    assert phrased(text)
