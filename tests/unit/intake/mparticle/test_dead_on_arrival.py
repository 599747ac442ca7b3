"""What cannot be read of a membership message is kept beside what can."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from queues.change import decode
from tests.support.firehose import (
    audience,
    message,
    only_dead,
    profile,
    read,
)


@pytest.mark.parametrize("identities", [[], None, "text", [{}], [{"type": "email", "value": "  "}]])
def test_a_person_without_any_identity_is_dead_with_no_identity(identities: Any) -> None:
    posted = message(profile(audience(), mpid=None) | {"user_identities": identities})
    queue, letter = only_dead(posted)
    assert (queue.target, letter.reason) == ("456", "no_identity")
    assert letter.detail.startswith("$.user_profiles[0].audiences[0]: ")


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"action": "replace"}, "$.user_profiles[1].audiences[0].action: not one of add, delete, attribute_update"),
        ({"action": None}, "$.user_profiles[1].audiences[0].action: not one of add, delete, attribute_update"),
        ({"action": 5}, "$.user_profiles[1].audiences[0].action: Expected `str | null`, got `int`"),
        ({"audience_name": ["x"]}, "$.user_profiles[1].audiences[0].audience_name: Expected `str | null`, got `array`"),
    ],
)
def test_a_wrong_audience_is_dead_in_its_queue_and_the_others_go_through(wrong: dict[str, Any], where: str) -> None:
    posted = message(profile(audience()), profile(audience(789) | wrong, audience(456)))
    (good, bad) = read(posted)
    assert (good.queue.target, len(good.changes), good.dead) == ("456", 2, [])
    assert (bad.queue.target, bad.changes) == ("789", [])
    assert [(letter.reason, letter.detail) for letter in bad.dead] == [("malformed", where)]


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"audience_id": None}, "audience_id: missing"),
        ({"audience_id": -1}, "audience_id: Expected `int` >= 0"),
        ({"audience_id": ""}, "audience_id: Expected `str` of length >= 1"),
        ({"audience_id": [1]}, "audience_id: Expected `int | str | null`, got `array`"),
        ({"audience_id": 10**30}, "audience_id: Expected `int` <= 9223372036854775807"),
    ],
)
def test_an_audience_without_a_readable_id_is_dead_in_the_unreadable_queue(wrong: dict[str, Any], where: str) -> None:
    queue, letter = only_dead(message(profile(audience() | wrong)))
    assert str(queue) == "mparticle-123456/audience/unreadable"
    assert letter.detail == f"$.user_profiles[0].audiences[0].{where}"


def test_a_profile_that_cannot_be_read_is_dead_in_each_of_its_audiences() -> None:
    wrong = profile(
        audience(1), audience(2), {}, audience(3) | {"audience_id": {}}, mpid=1.5, device_identities=[{"a": 1}]
    )
    found = {each.queue.target: each.dead for each in read(message(wrong))}
    assert sorted(found) == ["1", "2", "unreadable"]
    for (letter,) in found.values():
        assert (letter.reason, letter.detail) == (
            "malformed",
            "$.user_profiles[0].mpid: Expected `int | str | null`, got `float`",
        )
        kept = msgspec.json.decode(decode(letter.change).body.person)
        assert kept == {key: value for key, value in wrong.items() if key != "device_identities"}


@pytest.mark.parametrize("wrong", [5, "text", [], True, 1.5, {"audiences": {}}, {"audiences": "x"}])
def test_what_is_no_profile_is_dead_once_in_the_unreadable_queue(wrong: Any) -> None:
    queue, letter = only_dead(message(wrong))
    assert (queue.target, letter.reason) == ("unreadable", "malformed")
    assert msgspec.json.decode(decode(letter.change).body.person) == wrong


def test_no_detail_repeats_what_was_posted() -> None:
    secret = "ann@example.com"
    wrong = [
        profile(audience(action=secret)),
        profile(audience(audience_name=[secret])),
        profile(audience(), mpid=[secret]),
        {secret: 1, "audiences": {secret: 1}},
        secret,
        profile(audience() | {"audience_id": secret * 20}),
    ]
    details = [letter.detail for each in read(message(*wrong)) for letter in each.dead]
    assert len(details) == len(wrong)
    assert secret not in " ".join(details)


def test_dead_changes_share_no_person_key_and_never_add_anybody() -> None:
    (acceptance,) = read(message(profile(audience(action="x")), profile(audience(action="x"))))
    first, second = (decode(letter.change) for letter in acceptance.dead)
    assert not set(first.keys) & set(second.keys)
    assert {first.body.action, second.body.action} == {"update"}
