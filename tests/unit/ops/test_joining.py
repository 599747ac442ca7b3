"""Who joins and who leaves by what is not delivered yet."""

from __future__ import annotations

from typing import Any

import msgspec

from mappings.rules import Rules
from ops.export.joining import waiting
from queues.change import Action, Body, Change, person_key

NOW = 1_767_225_600_000


def change(action: Action = "add", at: int = 0, **person: Any) -> Change:
    keys = tuple(person_key(name, str(person[name])) for name in ("email", "external_id") if name in person)
    return Change(keys, NOW, Body(action, NOW + at, "changes", "m-1", msgspec.Raw(msgspec.json.encode(person))))


def test_who_joins_is_known_by_the_strongest_identity_and_has_the_attributes_of_all_changes() -> None:
    changes = [
        change(email="Ann@example.com", attributes={"plan": "gold", "level": 1}),
        change("update", 1, email="ann@example.com", attributes={"level": 2}),
    ]
    found = waiting(changes, Rules())
    assert found.joining.keys() == {"email:ann@example.com"}
    assert found.joining["email:ann@example.com"].attributes["properties"] == {"plan": "gold", "level": 2}
    assert (found.leaving, found.left_out) == (set(), {})


def test_the_newest_change_decides_who_leaves_by_every_identity_there_was() -> None:
    changes = [
        change(email="ann@example.com", external_id="c-1"),
        change("remove", 1, external_id="c-1"),
        change("remove", 0, email="bob@example.com"),
        change("add", 1, email="bob@example.com"),
        change("update", email="member@example.com"),
    ]
    found = waiting(changes, Rules())
    assert found.joining.keys() == {"email:bob@example.com"}
    assert found.leaving == {"email:ann@example.com", "external_id:c-1"}


def test_who_cannot_be_sent_is_counted_by_reason_and_not_among_those_who_join() -> None:
    changes = [
        change(email="nonsense"),
        change(email="ann@example.com", attributes={f"part {i}": "x" * 9_000 for i in range(12)}),
        change(email="bob@example.com"),
    ]
    found = waiting(changes, Rules())
    assert found.joining.keys() == {"email:bob@example.com"}
    assert found.left_out == {"email_invalid": 1, "profile_too_large": 1}
