"""The story of one person in words and as JSON, of every shape that it can have."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from ops.explain.document import document
from ops.explain.history import History, KlaviyoStatus, LedgerMembership
from ops.explain.now import klaviyo, ledger, lines
from ops.explain.person import person_query
from ops.explain.timeline import timelines
from ops.explain.view import view
from ops.explain.words import events
from queues.change import Change, person_key
from queues.counts import OpenBatch
from queues.dead_letters import DeadLetter
from queues.history.outcomes import change_outcomes
from queues.history.settled import BatchOutcomes, ImportRows
from queues.history.traces import OpenChange, PendingChange, Traces
from queues.holds import Hold
from queues.policy import Waiting as Look
from queues.snapshots.members import PERHAPS
from tests.support.ops import VIPS, counted
from tests.support.told import NOW, changed, settled
from text.wording import duration

ANN = "ann@example.com"
KEYS = frozenset({person_key("email", ANN)})
MINUTE = 60_000
STANDING = KlaviyoStatus("L1", "email", True, "subscribed", "no address")


def story(traces: Traces, **more: Any) -> History:
    known: dict[str, Any] = {
        "at": NOW + 60 * MINUTE,
        "query": person_query(ANN, None, None),
        "count": counted(),
        "hold": None,
        "timelines": timelines(traces),
        "kept_since": NOW,
        "member": None,
        "klaviyo": STANDING,
    }
    return History(**{**known, **more})


def of_batch(*changes: Change, ends: BatchOutcomes | None = None, **more: Any) -> Traces:
    batch = settled(changes, ends, **more)
    return Traces(KEYS, outcomes=tuple(change_outcomes(batch, lambda keys: not KEYS.isdisjoint(keys))))


def words(traces: Traces, **more: Any) -> list[str]:
    return [text for _, _, text in events(story(traces, **more))]


def letter(change: Change, attempts: int = 0) -> DeadLetter:
    detail = {"detail": f"{ANN} is not valid", "pointer": "/data/3"}
    return DeadLetter(f"{NOW + MINUTE}-0", VIPS, "invalid", detail, NOW, attempts, change)


@pytest.mark.parametrize(
    ("reason", "because"),
    [
        ("size", "because enough changes were pending (size)"),
        ("age", "because the oldest was pending long enough (age)"),
        ("operator", "because an operator flushed the queue (operator)"),
        ("whim", "by whim"),
    ],
)
def test_why_a_batch_was_taken_is_said_in_words(reason: str, because: str) -> None:
    opened = OpenBatch("07-ab", NOW, 100, reason, "confirm", 0, held=False, ring=NOW)
    traces = Traces(KEYS, open=(OpenChange(changed(ANN), "07-ab"),))
    assert words(traces, count=counted(batches=(opened,)))[1] == f"taken with 99 others into batch 07-ab, {because}"


def test_an_import_is_told_with_the_row_and_those_that_failed() -> None:
    traces = of_batch(changed("bob@example.com"), changed(ANN), ends=BatchOutcomes((ImportRows("job-1", (0, 1), 1),)))
    assert words(traces)[-1] == "delivered, row 2 of 2 rows, of which 1 failed in import job job-1"


def test_a_snapshot_is_named_and_a_message_without_an_id_is_told_of() -> None:
    by_snapshot = changed(ANN, message="07-cd")
    body = replace_body(by_snapshot, source="snapshot")
    assert words(Traces(KEYS, waiting=(PendingChange(body, 1),)))[0] == (
        "accepted: add, by snapshot 07-cd of 2027-01-15T07:59:59.000Z"
    )
    nameless = Traces(KEYS, waiting=(PendingChange(changed(ANN, message=""), 1),))
    assert words(nameless)[0].startswith(
        "accepted: add, in a message without an id from source changes, changed at 2027"
    )


def replace_body(change: Change, **more: Any) -> Change:
    body = change.body
    known = {name: getattr(body, name) for name in body.__struct_fields__}
    return Change(change.keys, change.accepted_at, type(body)(**{**known, **more}))


def test_who_overtook_a_consent_is_not_known_and_said_so() -> None:
    assert words(of_batch(changed(ANN), ends=BatchOutcomes(superseded={0: None})))[-1] == (
        "superseded by an erasure, or by a change of this or an earlier batch that is newer by the CDP's time"
    )


def test_what_happened_is_told_in_the_order_in_which_it_did() -> None:
    early, late = changed(ANN, at=NOW - MINUTE), changed(ANN, at=NOW + MINUTE, message="m-2")
    traces = replace(of_batch(early), waiting=(PendingChange(late, 1),))
    assert [at for at, _, _ in events(story(traces))] == [NOW - MINUTE, NOW, NOW + 10_000, NOW + MINUTE]


def test_a_replayed_letter_is_one_change_with_two_batches() -> None:
    change = changed(ANN)
    first, second = (
        of_batch(change, ends=BatchOutcomes(dead={0: "invalid"})),
        of_batch(change, batch="07-cd", at=NOW + MINUTE),
    )
    (episode,) = timelines(Traces(KEYS, outcomes=(*first.outcomes, *second.outcomes)))
    assert (episode.state, [each.outcome for each in episode.outcomes]) == ("delivered", ["dead", "delivered"])


@pytest.mark.parametrize(
    ("place", "state"),
    [
        ({"waiting": (PendingChange(changed(ANN), 1),)}, "waiting"),
        ({"open": (OpenChange(changed(ANN), "07-ef"),)}, "open"),
        ({"letters": (letter(changed(ANN)),)}, "dead"),
        ({}, "gone"),
    ],
)
def test_where_a_change_stands_now_counts_more_than_what_became_of_it_once(place: Any, state: str) -> None:
    (episode,) = timelines(replace(of_batch(changed(ANN), ends=BatchOutcomes(dead={0: "invalid"})), **place))
    assert episode.state == state


def test_a_letter_that_was_never_in_a_batch_died_on_arrival() -> None:
    traces = Traces(KEYS, letters=(letter(changed(ANN), attempts=2),))
    assert words(traces)[-1] == "became a dead letter: invalid"
    (line,) = lines(story(traces))
    assert line.startswith(f"#1 is dead letter {NOW + MINUTE}-0: invalid after 2 failed attempts. `ferry dead show`")


def test_what_waits_says_what_sends_it_and_what_keeps_it() -> None:
    traces = Traces(KEYS, waiting=(PendingChange(changed(ANN), 12),))
    full = counted(waiting=Look(100, NOW))
    assert list(lines(story(traces, count=full))) == [
        "#1 is pending: 12 of 100 in the queue; the queue is due by size now, or by size at 100 changes."
    ]
    aged = counted(waiting=Look(40, NOW))
    assert f"due by age in {duration(15 * 60 * MINUTE)}, or by size at 100 changes." in next(
        lines(story(traces, count=aged))
    )
    held = story(traces, count=full, hold=Hold("forbidden", NOW))
    assert "nothing is sent, because it is held (forbidden): see `ferry holds`" in next(lines(held))
    assert next(lines(story(traces))).endswith("12 of 12 in the queue; it is being taken into a batch.")


def test_what_is_under_way_says_how_far_it_is() -> None:
    traces = Traces(KEYS, open=(OpenChange(changed(ANN), "07-ab"),))
    opened = OpenBatch("07-ab", NOW, 100, "age", "confirm", 2, held=False, ring=NOW + 62 * MINUTE)
    taken, rung = f"{duration(60 * MINUTE)} ago", duration(2 * MINUTE)
    assert list(lines(story(traces, count=counted(batches=(opened,))))) == [
        f"#1 is in progress: batch 07-ab, stage confirm, attempt 3, taken {taken}; a worker takes it up in {rung}."
    ]
    assert list(lines(story(traces))) == ["#1 is in progress: batch 07-ab is being settled."]


def test_of_a_stranger_it_is_said_where_it_was_looked_for() -> None:
    stranger = story(Traces(KEYS), count=counted(waiting=Look(3, NOW), open=2, kept=1), kept_since=None)
    assert list(lines(stranger)) == [
        "Ferry has no record of this person here. It searched:",
        "  pending: 3 changes",
        "  in progress: 2 changes in 0 batches",
        "  dead letters: 1 letter",
        "  history: nothing yet; it is kept for 30 days, up to 200,000 changes per queue",
    ]
    assert list(lines(replace(stranger, member=LedgerMembership(since=1)))) == [], (
        "the membership ledger knows the person"
    )


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (None, "none, because this audience has had no snapshot"),
        (LedgerMembership(), "not a member"),
        (LedgerMembership(since=0), "a member, on the list since before the first snapshot"),
        (LedgerMembership(since=NOW), "a member, since 2027-01-15T08:00:00.000Z, by a single change"),
        (LedgerMembership(NOW, "07-cd"), "a member, since 2027-01-15T08:00:00.000Z, by snapshot 07-cd"),
        (
            LedgerMembership(PERHAPS),
            "perhaps a member: a delivery was given up and its result is unknown; the next snapshot settles it",
        ),
        (LedgerMembership(left=NOW), "not a member: a single change of 2027-01-15T08:00:00.000Z removed the person"),
    ],
)
def test_the_membership_ledger_is_said_in_words(member: LedgerMembership | None, said: str) -> None:
    assert ledger(member) == said


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        ("there is no key", "not asked. there is no key"),
        (STANDING, "on list L1; profile found by email; e-mail: subscribed; SMS: no address"),
        (
            replace(STANDING, on_list=False),
            "not on list L1; profile found by email; e-mail: subscribed; SMS: no address",
        ),
        (KlaviyoStatus("L1"), "not on list L1; no profile found for this identifier"),
        (KlaviyoStatus(None), "there is no list yet; no profile found for this identifier"),
        (
            KlaviyoStatus("L1", "external_id", None, "suppressed", "no address", ["BOUNCED"]),
            (
                "unknown whether on list L1, because the profile has neither e-mail nor phone; "
                "profile found by external_id; e-mail: suppressed (BOUNCED); SMS: no address"
            ),
        ),
    ],
)
def test_klaviyos_answer_is_said_in_words(standing: KlaviyoStatus | str, said: str) -> None:
    assert klaviyo(standing) == said


def test_neither_words_nor_json_say_who_it_is_unless_asked() -> None:
    told_of = story(Traces(KEYS, letters=(letter(changed(ANN)),)))
    out = io.StringIO()
    Console(file=out, width=300).print(view(told_of, personal=False))
    assert ANN not in out.getvalue() + repr(document(told_of, personal=False))
    Console(file=out, width=300).print(view(told_of, personal=True))
    assert out.getvalue().count(ANN) == 2, "the head, and what Klaviyo said; the body of this change is empty"
    assert ANN in repr(document(told_of, personal=True))


@pytest.mark.parametrize(
    ("given", "identifiers"),
    [
        ("Ann@Example.com ", [("email", "ann@example.com"), ("external_id", "Ann@Example.com")]),
        ("+1 415 555 2671", [("phone_number", "+14155552671"), ("external_id", "+1 415 555 2671")]),
        ("4155552671", [("external_id", "4155552671"), ("phone_number", "+14155552671")]),
        ("c-17", [("external_id", "c-17")]),
    ],
)
def test_klaviyo_is_asked_by_what_is_likeliest_first(given: str, identifiers: list[tuple[str, str]]) -> None:
    assert list(person_query(given, "US", None).identifiers) == identifiers


def test_a_person_is_looked_for_under_every_key_that_a_cdp_may_have_given() -> None:
    keys = person_query(" Ann@Example.com", None, 7).keys
    assert keys[0] == person_key("email", ANN)
    assert {person_key("external_id", "Ann@Example.com"), person_key("mpid", "7:Ann@Example.com")} <= set(keys)
    assert person_key("phone", "14155552671") in person_query("+1 (415) 555-2671", None, None).keys
    assert person_query(ANN, None, None).members == (f"email:{ANN}", f"external_id:{ANN}")
