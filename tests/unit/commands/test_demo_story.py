from __future__ import annotations

from commands.demo_steps import AUDIENCES, expected, joining, leaving


def test_two_hundred_and_fifty_changes_come_in_messages_of_several_people() -> None:
    messages = joining()
    profiles = [profile for message in messages for profile in message["user_profiles"]]
    assert sum(len(profile["audiences"]) for profile in profiles) == 250
    assert all(len(message["user_profiles"]) > 1 for message in messages)
    assert len({message["id"] for message in messages}) == len(messages)


def test_each_queue_is_full_once_and_keeps_a_remainder() -> None:
    assert [100 < number < 200 for _, number in AUDIENCES.values()] == [True, True]


def test_some_who_leave_are_uploaded_by_then_and_some_still_wait() -> None:
    left = {profile["user_identities"][0]["value"] for profile in leaving()["user_profiles"][:-1]}
    first, second = AUDIENCES
    assert len(left) == 10
    assert expected(first).isdisjoint(left)
    assert left <= expected(second)
    assert {"person99@example.com", "person100@example.com"} <= left


def test_one_of_those_who_join_last_has_no_email() -> None:
    identities = leaving()["user_profiles"][-1]["user_identities"]
    assert [identity["type"] for identity in identities] == ["customer"]
