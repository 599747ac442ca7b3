from __future__ import annotations

from tests.support import canaries as c
from worker.deliver import nameable


def test_the_first_ten_messages_are_named() -> None:
    assert nameable(f"message-{number}" for number in range(30)) == [f"message-{number}" for number in range(10)]


def test_ids_that_may_tell_of_a_person_are_not_named() -> None:
    assert nameable([c.ANN, c.PHONE, c.E164, c.MPID, c.EXTERNAL_ID, c.NO_ADDRESS, "5b4f1bd0-9d8e"]) == ["5b4f1bd0-9d8e"]
