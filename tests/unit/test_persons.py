"""Whose a change is, by its person keys."""

from __future__ import annotations

from queues.names import Queue
from queues.persons import whose

AUDIENCE, CONSENTS = Queue("default", "audience", "42"), Queue("default", "consent", "consents")


def test_any_key_makes_a_change_the_persons() -> None:
    ours = whose(AUDIENCE, ["ann", "17"])
    assert [ours(keys) for keys in (("ann",), ("bob", "17"), ("bob", "18"))] == [True, True, False]


def test_a_consent_is_of_whom_its_first_key_names() -> None:
    ours = whose(CONSENTS, ["ann", "a phone"])
    assert [ours(keys) for keys in (("ann", "a phone"), ("bob", "a phone"), ("a phone",))] == [True, False, True]
