"""The stored form of a change, and the names and keys around it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queues import keys
from queues.change import Body, blank, decode, encode, is_blank, person_key
from queues.names import PARTITIONS, Queue

text = st.text(min_size=1, max_size=40)


@given(st.lists(text, min_size=1, max_size=9), st.integers(0, 9_999_999_999_999), st.dictionaries(text, text), text)
def test_a_stored_change_reads_back_as_it_was_written(
    identities: list[str], accepted_at: int, person: dict[str, str], message: str
) -> None:
    body = Body("add", 1, "changes", message, msgspec.Raw(msgspec.json.encode(person)))
    person_keys = tuple(person_key("email", identity) for identity in identities)
    change = decode(encode(person_keys, accepted_at, body))
    assert (change.keys, change.accepted_at, change.body.message) == (person_keys, accepted_at, message)
    assert msgspec.json.decode(change.body.person) == person


@given(st.lists(text, min_size=1, max_size=9), text)
def test_of_a_blanked_change_its_keys_and_times_are_left_and_nothing_of_the_person(
    identities: list[str], message: str
) -> None:
    body = Body("remove", 1, "changes", message, msgspec.Raw(msgspec.json.encode({"email": "eg@example.com"})))
    change = decode(encode(tuple(person_key("email", each) for each in identities), 2, body))
    left = decode(blank(change))
    assert (is_blank(change), is_blank(left)) == (False, True)
    assert (left.keys, left.accepted_at, left.body.at) == (change.keys, 2, 1)
    assert (left.body.message, bytes(left.body.person), left.body.replayed) == ("", b"{}", False)


@pytest.mark.parametrize("count", [0, 10])
def test_a_change_without_a_person_or_with_too_many_is_refused(count: int) -> None:
    body = Body("add", 1, "changes", "m", msgspec.Raw(b"{}"))
    with pytest.raises(ValueError, match="1 to 9 person keys"):
        encode(tuple("k" * 16 for _ in range(count)), 0, body)


def test_ids_that_differ_in_case_are_two_peoples_and_kinds_are_kept_apart() -> None:
    assert person_key("external_id", "Ab") != person_key("external_id", "aB")
    assert person_key("email", "ann@example.com") != person_key("mpid", "ann@example.com")


def test_a_person_key_shows_nothing_of_the_person() -> None:
    assert "ann" not in person_key("email", "ann@example.com").lower()
    assert len(person_key("email", "ann@example.com")) == 16


@given(text, text, text)
def test_a_queue_name_reads_back_and_keeps_its_partition(connection: str, kind: str, target: str) -> None:
    queue = Queue(connection, kind, target)
    assert Queue.parse(str(queue)) == queue
    assert 0 <= queue.partition < PARTITIONS


@given(st.tuples(*[st.text("abzAZ019_.~-", min_size=1)] * 3))
def test_a_queue_name_with_nothing_to_quote_is_read_like_any_other(parts: tuple[str, str, str]) -> None:
    queue, found = Queue(*parts), Queue.parse("/".join(parts))
    assert (found, str(found), hash(found)) == (queue, str(queue), hash(queue))


@pytest.mark.parametrize("name", ["", "a/b", "a/b/c/d", "a//c"])
def test_another_shape_is_no_queue_name(name: str) -> None:
    with pytest.raises(ValueError, match="connection/kind/target"):
        Queue.parse(name)


@pytest.mark.parametrize("parts", [("", "audience", "42"), ("default", "", "42"), ("default", "audience", "")])
def test_a_queue_that_could_not_be_named_is_none(parts: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="a part of it is empty"):
        Queue(*parts)


def test_the_partition_of_a_queue_never_changes() -> None:
    # Stored keys depend on these: a different hash would orphan them.
    assert [Queue("default", "audience", str(i)).partition for i in range(6)] == [7, 1, 11, 13, 14, 8]


@given(text)
def test_all_keys_of_a_queue_carry_its_partitions_tag(target: str) -> None:
    queue = Queue("default", "audience", target)
    tag = f"{{p{queue.partition:02d}}}"
    batch_id = f"{queue.partition:02d}-00ff"
    for key in (keys.queue(queue), keys.queue(queue, "dead"), keys.seen(queue, "d"), keys.batch(batch_id, "changes")):
        # Cluster hashes what stands in the first braces.
        assert key.index(tag) == key.index("{")


@pytest.mark.parametrize("batch_id", ["99-00", "0a-00", "0700"])
def test_another_text_is_no_batch_id(batch_id: str) -> None:
    with pytest.raises(ValueError, match=r"not a batch id|invalid literal"):
        keys.batch(batch_id)
