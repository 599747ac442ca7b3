"""The guide to identities says how Ferry is, and its first examples end as it says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from configuration.connections import DEFAULT, Connection
from configuration.connections_file import load
from identity.blocked import read
from identity.sending import Policy
from queues.policy import FlushPolicy
from tests.support.identity_messages import add, remove, update
from tests.support.identity_world import IdentityWorld
from tests.support.paths import ROOT

GUIDE = (ROOT / "docs" / "identity.md").read_text()
WORK, HOME, ANN = "work@example.com", "home@example.com", "ann@example.com"


def test_the_settings_that_it_shows_are_the_defaults(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    file = tmp_path / "connections.toml"
    file.write_text(block)
    given = next(iter(load(file, Connection(DEFAULT, "pk_test", policy=FlushPolicy()))))
    assert given.identity == replace(Policy(), blocked=read(["shop-counter", "/test-.*/"]))


def test_the_examples_of_the_first_rule_end_as_it_says(who: IdentityWorld) -> None:
    who.send(add(WORK, "c-77"), add(HOME, "c-77"))
    assert who.members() == {WORK, HOME}, "both are on the list"
    who.send(add(ANN, "c-1"), update(external_id="c-1", plan="gold"))
    assert who.attributes(ANN) == {"plan": "gold"}, "`ann@` gets the plan"
    who.send(update(external_id="c-77", plan="gold"))
    assert who.reasons() == {"ambiguous_person": 1}
    who.send(remove(external_id="c-77"))
    assert who.members() == {ANN}, "`work@` and `home@` leave"
    rows = ["both are on the list; the id stays", "`ann@` gets the plan", "dead letter `ambiguous_person`"]
    assert [row for row in (*rows, "`work@` and `home@` leave") if row not in GUIDE] == []
