"""What is kept of a settled batch: all that its story needs, in little room, and nothing of whom it forgot."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queues.change import Action, Body, Change, nobody_key, person_key
from queues.history.outcomes import change_outcomes, mentions, without
from queues.history.settled import BatchOutcomes, ImportRows, Settled, named, pack, unpack
from tests.support.told import NOW, changed, settled

KEYS = [person_key("email", f"p{i}@example.com") for i in range(6)]


@st.composite
def changes(draw: st.DrawFn) -> Change:
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True))
    at, accepted_at = draw(st.integers(0, 9_999_999_999_999)), draw(st.integers(0, 9_999_999_999_999))
    source, message = draw(st.sampled_from(["changes", "mparticle"])), draw(st.text(max_size=3))
    body = Body(draw(st.sampled_from(get_args(Action))), at, source, message, msgspec.Raw(b"{}"))
    return Change(tuple(keys), accepted_at, body)


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[Change], Settled]:
    found = draw(st.lists(changes(), min_size=1, max_size=12))
    places = st.integers(0, len(found) - 1)
    dead = draw(st.dictionaries(places, st.sampled_from(["invalid", "gave_up"])))
    superseded = draw(st.dictionaries(places, st.none() | places))
    jobs = tuple(ImportRows(str(n), tuple(draw(st.lists(places, unique=True)))) for n in range(draw(st.integers(0, 2))))
    alive = {index: by for index, by in superseded.items() if index not in dead}
    return found, settled(found, BatchOutcomes(jobs, alive, dead))


def everybody(_: Sequence[str]) -> bool:
    return True


@given(batches())
def test_every_change_is_told_of_as_it_was(made: tuple[list[Change], Settled]) -> None:
    found, batch = made
    read = unpack(pack(batch))
    assert read == batch
    facts = [
        (each.keys, each.accepted_at, each.at, each.action, each.source, each.message)
        for each in change_outcomes(read, everybody)
    ]
    bodies = [(c, c.body) for c in found]
    assert facts == [(c.keys, c.accepted_at, b.at, b.action, b.source, named(b.message)) for c, b in bodies]


@pytest.mark.parametrize("message", ["ann@example.com", "order of ann@example.com", "+1 415 555 2671", "14155552671"])
def test_an_id_that_may_be_a_persons_is_kept_as_a_hash(message: str) -> None:
    assert named(message).startswith("hash-")
    assert named(named(message)) == named(message)


@pytest.mark.parametrize("message", ["", "m1", "4739f7f8-0e4d-4b4a-9c36-3b7d5f4e2a10", "import 2026-11-22", "12345"])
def test_any_other_id_is_kept_as_it_is(message: str) -> None:
    assert named(message) == message


@given(batches())
def test_every_change_has_one_outcome_and_the_figures_agree(made: tuple[list[Change], Settled]) -> None:
    found, batch = made
    outcomes = [each.outcome for each in change_outcomes(batch, everybody)]
    assert len(outcomes) == batch.count == len(found)
    assert outcomes.count("delivered") == batch.delivered
    assert outcomes.count("dead") == len(batch.ends.dead)


@given(batches(), st.sets(st.sampled_from(KEYS)), st.integers(0, 9_999_999_999_999))
def test_whoever_is_forgotten_is_nobody_and_all_others_stay(
    made: tuple[list[Change], Settled], gone: set[str], until: int
) -> None:
    _, batch = made
    after = unpack(pack(without(batch, lambda keys: not gone.isdisjoint(keys), until)))
    stay = [
        each for each in change_outcomes(batch, everybody) if gone.isdisjoint(each.keys) or each.accepted_at > until
    ]
    left = list(change_outcomes(after, everybody))
    assert [(e.index, e.keys, e.message, e.outcome, e.row) for e in left] == [
        (e.index, e.keys, e.message, e.outcome, e.row) for e in stay
    ]
    assert (after.count, after.delivered, after.ends) == (batch.count, batch.delivered, batch.ends)
    assert gone.isdisjoint(key for each in left if each.accepted_at <= until for key in each.keys)


def test_the_message_of_somebody_forgotten_is_gone_and_those_around_keep_theirs() -> None:
    batch = settled([changed(f"p{i}@example.com", message=message) for i, message in enumerate("aaab")])
    gone = person_key("email", "p0@example.com")
    after = without(batch, lambda keys: gone in keys, NOW)
    assert [each.message for each in change_outcomes(after, everybody)] == ["a", "a", "b"]
    assert after.columns.told[0] == ("add", "changes", "")


def test_what_superseded_a_change_and_the_row_of_the_person_are_told() -> None:
    found = [changed("ann@example.com"), changed("bob@example.com"), changed("ann@example.com", action="remove")]
    ends = BatchOutcomes((ImportRows("job-1", (1, 2), 1),), superseded={0: 2})
    first, bob, last = change_outcomes(settled(found, ends), everybody)
    assert (first.outcome, first.by, first.row) == ("superseded", 2, 2)
    assert (bob.outcome, bob.by, bob.row) == ("delivered", None, 1)
    assert (last.outcome, last.job and last.job.failed) == ("delivered", 1)


def test_a_batch_mentions_whom_it_holds_and_almost_nobody_else() -> None:
    batch = settled([changed(f"p{i}@example.com") for i in range(100)])
    assert all(mentions(batch, [person_key("email", f"p{i}@example.com")]) for i in range(100))
    assert not any(mentions(batch, [person_key("email", f"q{i}@example.com")]) for i in range(100))


def test_a_change_of_nobody_is_kept_and_moves_nobody_elses_keys() -> None:
    stray = Change((nobody_key("place"),), NOW, Body("add", NOW, "changes", "m", msgspec.Raw(b"{}")))
    batch = settled([stray, changed("ann@example.com")])
    assert list(change_outcomes(batch, everybody))[1].keys == (person_key("email", "ann@example.com"),)


def test_a_change_with_two_keys_and_a_message_of_its_own_takes_some_sixty_bytes() -> None:
    chance = random.Random(1)
    messages = [str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(1_000)]
    times = [NOW - chance.randrange(3_600_000) for _ in messages]
    found = [
        changed(f"p{i}@example.com", str(i), at=at, message=m)
        for i, (at, m) in enumerate(zip(times, messages, strict=True))
    ]
    ends = BatchOutcomes((ImportRows("j" * 40, tuple(range(1_000))),), {1: 2}, {3: "email_invalid"})
    assert len(pack(settled(found, ends))) / 1_000 < 60
    shared = [changed(f"p{i}@example.com", at=NOW - i) for i in range(1_000)]
    assert len(pack(settled(shared, ends))) / 1_000 < 25
