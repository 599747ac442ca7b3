"""docs/operator_api.md, from its first command to its last, answers as it says, with a running group."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from typing import Any, NamedTuple

import pytest

from console.api.openapi_operations import OPERATIONS
from tests.support.guide import done
from tests.support.paths import ROOT
from tests.support.up import HurriedUp

GUIDE = (ROOT / "docs" / "operator_api.md").read_text()


#: The settings of the page's query.
QUERY = """
[sources.shop]
sqlite = "shop.sqlite"
[queries.vips]
source = "shop"
table = "customers"
schedule = "30 6 * * mon-fri"
time_zone = "Europe/Berlin"
"""


class Call(NamedTuple):
    """A block of commands and the answer that is printed below it, None where none is."""

    commands: str
    answer: Any


def calls() -> list[Call]:
    """What the page has, in its order; an answer belongs to the commands before it."""
    found: list[Call] = []
    for kind, block in re.findall(r"^```(sh|json)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE):
        if kind == "sh":
            found.append(Call(block, None))
        elif "error" not in json.loads(block):
            found[-1] = found[-1]._replace(answer=json.loads(block))
    return found


CALLS = calls()


def shape(value: Any) -> Any:
    """Its names and the types of its values."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The output of each block: everything on the page is done, in one shell."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "connections.toml").write_text(QUERY)
    with closing(sqlite3.connect(folder / "shop.sqlite")) as database:
        database.execute("create table customers (email text)")
    up = HurriedUp(folder / "var", FERRY_CONNECTIONS=str(folder / "connections.toml"))
    try:
        up.wait_until_up()
        return done(folder, [call.commands for call in CALLS])
    finally:
        up.end()


def test_each_call_is_answered_in_the_form_that_the_page_shows(said: list[str]) -> None:
    answered = [(call, json.loads(printed)) for call, printed in zip(CALLS, said, strict=True) if call.answer]
    assert len(answered) == 18
    for call, told in answered:
        assert shape(told) == shape(call.answer), call.commands


def test_the_command_prints_the_same_from_anywhere(said: list[str]) -> None:
    assert "VIPs" in said[-1]
    assert "1 dead letter: 1 no_identity." in said[-1]


def test_the_page_has_a_call_of_each_address() -> None:
    named = {"connection": "default", "kind": "audience", "target": "vips", "letter": "$LETTER", "query": "vips"}
    shown = set(re.findall(r'"\$URL(/v1/[^"?]+)', GUIDE))
    assert shown == {re.sub(r"{(\w+)}", lambda part: named[part[1]], path) for path, _ in OPERATIONS} | {"/v1/changes"}


def test_nobodys_address_is_printed(said: list[str]) -> None:
    assert "@example.com" not in "".join(said)
