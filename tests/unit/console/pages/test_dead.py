"""What the pages of dead letters say, and what their addresses and forms mean."""

from __future__ import annotations

from collections import Counter
from typing import Any

import falcon
import msgspec
import pytest

from console.pages import replay as letter_choice
from console.pages.dead_view import dead
from console.pages.letter import view
from console.pages.letter_counts import LetterCounts
from console.pages.letter_filter import LetterFilter, filter_of
from console.pages.letter_ref import LetterRef
from console.pages.replay import ReplayChoice
from console.pages.replay_view import replay, replayed
from queues.audit import AuditEntry
from queues.census import Census
from queues.change import Body, Change
from queues.dead_letters import DeadLetter
from queues.holds import Hold
from queues.names import Queue
from queues.policy import Waiting
from tests.support.ops import LAPSED, VIPS, counted
from text.wording import duration

NOW = 1_767_225_600_000
MINUTE, DAY = 60_000, 86_400_000
ODD = Queue("default", "audience", "a/b %")


def _nothing(_name: str) -> None:
    """A query without fields."""


def census(*counts: Any, **holds: Hold) -> Census:
    return Census(at=NOW, queues=counts, holds=holds, heartbeat=NOW, workers={})


def letter(queue: Queue = VIPS, reason: str = "no_email", attempts: int = 0, **detail: str) -> DeadLetter:
    body = Body("add", NOW - 3 * MINUTE, "changes", "m-1", msgspec.Raw(b'{"email":"ann@example.com"}'))
    change = Change(("k" * 16,), NOW - 2 * MINUTE, body)
    return DeadLetter(f"{NOW - MINUTE}-0", queue, reason, detail, NOW - 2 * MINUTE, attempts, change)


def count_letters(*page: DeadLetter, more: LetterRef | None = None) -> LetterCounts:
    return LetterCounts(Counter((each.queue, each.reason) for each in page), page, more)


@pytest.mark.parametrize("queue", [VIPS, ODD])
def test_a_letter_is_named_by_its_queue_and_id(queue: Queue) -> None:
    ref = LetterRef(NOW, 7, queue)
    assert str(ref) == f"{queue}/{NOW}-7"
    assert LetterRef.parse(str(ref)) == ref
    assert ref.id == f"{NOW}-7"


def test_letters_are_ordered_by_their_time_as_numbers() -> None:
    assert (
        LetterRef(NOW, 9, VIPS) < LetterRef(NOW, 10, LAPSED) < LetterRef(NOW, 10, VIPS) < LetterRef(10 * NOW, 0, VIPS)
    )


@pytest.mark.parametrize(
    "text",
    ["", "1-1", "a/b/1-1", "a/b/c/1", "a/b/c/1-1-1", "a/b/c/1-x", "a//c/1-1", "a/b/c/\N{ARABIC-INDIC DIGIT ONE}-1"],
)
def test_what_names_no_letter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected connection/kind/target"):
        LetterRef.parse(text)


def test_a_filter_is_an_address_and_back() -> None:
    wanted = LetterFilter(str(ODD), "no_email", "7d")
    assert wanted.address == "/dead?queue=default%2Faudience%2Fa%252Fb%2520%2525&reason=no_email&older=7d"
    assert LetterFilter().address == "/dead"
    assert filter_of({"queue": str(ODD), "reason": " no_email ", "older": "7d"}.get) == wanted
    assert (wanted.until(NOW), LetterFilter().until(NOW)) == (NOW - 7 * DAY, NOW)
    with pytest.raises(falcon.HTTPBadRequest, match="400"):
        filter_of({"older": "soon"}.get)


def test_only_queues_that_keep_letters_are_looked_into() -> None:
    seen = census(counted(VIPS, kept=1), counted(LAPSED))
    assert [count.queue for count in LetterFilter().queues(seen)] == [VIPS]
    assert LetterFilter(str(LAPSED)).queues(seen) == []


def test_letters_are_counted_by_reason_with_what_to_do_and_by_queue() -> None:
    found = count_letters(
        letter(), letter(), letter(reason="malformed"), letter(LAPSED, "malformed"), letter(LAPSED, "blocked")
    )
    told = dead(census(counted(VIPS, kept=3), counted(LAPSED, "Lapsed", kept=2)), found, LetterFilter(older="1h"))
    assert told.fit == 5
    assert [(line.reason, line.letters) for line in told.reasons] == [("blocked", 1), ("no_email", 2), ("malformed", 2)]
    assert [line.remedy.replay for line in told.reasons] == ["later", "never", "never"]
    assert told.reasons[1].address == "/dead?reason=no_email&older=1h"
    assert told.reasons[2].queues == [
        ("VIPs", 1, "/dead?queue=default%2Faudience%2F42&reason=malformed&older=1h"),
        ("Lapsed", 1, "/dead?queue=brand-b%2Faudience%2F43&reason=malformed&older=1h"),
    ]
    assert [told for _, told in told.choices] == ["VIPs, default/audience/42 (3)", "Lapsed, brand-b/audience/43 (2)"]


def test_a_letter_is_told_in_a_line_without_the_person() -> None:
    refused = letter(reason="blocked", attempts=2, detail="ann@example.com is blocked", job="j-1")
    told = dead(
        census(counted(kept=1)), count_letters(refused, more=LetterRef(NOW, 0, VIPS)), LetterFilter(reason="blocked")
    )
    (line,) = told.letters
    assert (line.ref, line.path) == (f"{VIPS}/{line.id}", f"/dead/{VIPS}/{line.id}")
    assert (line.ago, line.reason, line.tries, line.action) == ("1\u00a0min", "blocked", "2 failed attempts", "add")
    assert line.where == "job j-1"
    assert "ann@" not in repr(told)
    assert told.earlier == f"/dead?reason=blocked&before=default%2Faudience%2F42%2F{NOW}-0"


@pytest.mark.parametrize(("reason", "listed"), [("", 5), ("no_email", 50)])
def test_of_very_many_queues_the_fullest_are_listed_and_more_of_them_for_one_reason(reason: str, listed: int) -> None:
    queues = [Queue("default", "audience", f"{n:03d}") for n in range(60)]
    counts = Counter({(queue, "no_email"): n + 1 for n, queue in enumerate(queues)})
    wanted = LetterFilter(reason=reason)
    (line,) = dead(census(*(counted(queue, kept=1) for queue in queues)), LetterCounts(counts), wanted).reasons
    assert (len(line.queues), line.more, line.queues[0][1]) == (listed, 60 - listed, 60)


def test_of_very_many_queues_those_with_the_most_letters_are_offered_and_the_one_that_is_meant() -> None:
    many = [counted(Queue("default", "audience", f"{number:03}"), kept=number) for number in range(1, 300)]
    found = LetterFilter(queue="default/audience/001").choices(census(*many))
    assert [count.kept for count in found] == [1, *range(100, 300)]


def test_the_person_stands_in_a_letter_for_admins_alone() -> None:
    refused = letter(detail="ann@example.com is blocked")
    whole = view(refused, counted(), [], NOW, personal=True)
    assert '"email": "ann@example.com"' in whole.person
    assert "ann@example.com is blocked" in whole.detail
    shy = view(refused, counted(), [], NOW, personal=False)
    assert "ann@" not in repr(shy)
    assert shy.told.message == "m-1"
    assert [told for _, told in shy.events][-1] == "became a dead letter: no_email"


def test_a_choice_goes_through_a_form_and_back() -> None:
    refs = [f"{VIPS}/2-0", f"{ODD}/1-0", f"{VIPS}/2-0"]
    by_name = letter_choice.from_query(refs, False, _nothing, NOW)
    assert by_name == ReplayChoice((LetterRef(1, 0, ODD), LetterRef(2, 0, VIPS)), LetterFilter(), NOW)
    assert letter_choice.from_form(by_name.fields).refs == by_name.refs
    fitting = letter_choice.from_query([], True, {"reason": "no_email", "older": "1d"}.get, NOW)
    assert letter_choice.from_form(fitting.fields) == ReplayChoice((), LetterFilter(reason="no_email"), NOW - DAY)


@pytest.mark.parametrize(
    "form", [{}, {"letters": "1-0"}, {"until": "x"}, {"until": "9" * 16}, {"until": "\N{ARABIC-INDIC DIGIT ONE}"}]
)
def test_a_form_that_says_nothing_is_refused(form: dict[str, str]) -> None:
    with pytest.raises(falcon.HTTPBadRequest):
        letter_choice.from_form(form)


def test_nothing_ticked_is_said() -> None:
    with pytest.raises(falcon.HTTPBadRequest) as refused:
        letter_choice.from_query([], False, _nothing, NOW)
    assert "No letter is selected" in str(refused.value.description)


def test_a_replay_says_what_happens_in_each_queue() -> None:
    counts = (
        counted(waiting=Waiting(30, NOW)),
        counted(LAPSED, "Lapsed", hold=Hold("ask ann@example.com", NOW)),
        counted(ODD, "Odd"),
    )
    told = replay(census(*counts), count_letters(letter(), letter(LAPSED), letter(ODD, "malformed")), 2)
    assert [(line.name, line.letters, line.reasons) for line in told.lines] == [
        ("VIPs", 1, "1 no_email"),
        ("Lapsed", 1, "1 no_email"),
        ("Odd", 1, "1 malformed"),
    ]
    age = duration(16 * 60 * MINUTE)
    assert [line.effect for line in told.lines] == [
        f"put before 30 pending changes; sent at once if accepted over {age} ago, else with the next upload",
        "no other pending changes; held (ask ***), sent after release",
        f"no other pending changes; sent at once if accepted over {age} ago, else with the next upload",
    ]
    assert told.stay.startswith("2 letters stay, because a delivery of the same person is in progress")
    on_hold = census(counted(), default=Hold("unauthenticated", NOW))
    assert "held (unauthenticated)" in replay(on_hold, count_letters(letter()), 0).lines[0].effect


def entry(what: str = "replay", who: str = "web:ann", ago: int = 1, **counts: int) -> AuditEntry:
    return AuditEntry("1-1", NOW - ago, who, what, str(VIPS), "done", counts)


def test_what_somebody_replayed_is_told_for_a_minute_and_to_nobody_else() -> None:
    acts = [entry(replayed=500, stayed=0), entry(replayed=3, stayed=2), entry("flush", changes=9)]
    told, into = replayed(acts, "web:ann", NOW)
    assert told.startswith("You replayed 503 dead letters within the last minute; 2 letters stay, because a delivery")
    assert into == [str(VIPS)]
    assert replayed(acts, "web:ben", NOW) == ("", ())
    assert replayed([entry(replayed=1, ago=MINUTE)], "web:ann", NOW) == ("", ())
    told, into = replayed([entry(replayed=0, stayed=1)], "web:ann", NOW)
    assert told.startswith("You replayed 0 dead letters within the last minute; 1 letter stays")
    assert into == []
