from __future__ import annotations

import msgspec
import pytest

from emulator import journal
from emulator.faults import Fault, Faults, Match
from emulator.journal import Journal


def note(book: Journal, body: bytes = b"") -> None:
    book.add("POST", "/api/lists", {"a": "b"}, body, status=201, at=1.5, fault=None)


def test_calls_are_numbered_from_one_and_shown_from_a_number_on() -> None:
    book = Journal()
    note(book, b'{"x": 1}')
    note(book, b"no json")
    shown = book.since(0, bodies=True)
    assert shown[0] == {
        "n": 1,
        "method": "POST",
        "path": "/api/lists",
        "query": {"a": "b"},
        "body": {"x": 1},
        "status": 201,
        "at": 1.5,
        "fault": None,
    }
    assert [(entry["n"], entry["body"]) for entry in book.since(1, bodies=True)] == [(2, None)]
    assert [entry["body"] for entry in book.since(0, bodies=False)] == [None, None]


def test_a_large_body_is_kept_only_while_recording() -> None:
    book = Journal()
    large = b'"' + b"x" * journal.MAX_BODY_BYTES + b'"'
    note(book, large)
    book.record = True
    note(book, large)
    assert [entry["body"] is None for entry in book.since(0, bodies=True)] == [True, False]


def test_the_oldest_calls_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MAX_ENTRIES", 3)
    book = Journal()
    for _ in range(5):
        note(book)
    assert [entry["n"] for entry in book.since(0, bodies=True)] == [3, 4, 5]


def test_the_oldest_calls_go_when_their_bodies_weigh_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MAX_KEPT_BYTES", 25)
    book = Journal()
    for _ in range(5):
        note(book, b"0123456789")
    assert [entry["n"] for entry in book.since(0, bodies=True)] == [4, 5]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Match(), True),
        (Match(method="POST"), True),
        (Match(method="GET"), False),
        (Match(path="/api/lists"), True),
        (Match(path="/api/profiles"), False),
        (Match(path="lists"), False),
        (Match(path=r"/api/lists/[^/]+/relationships/profiles$"), True),
        (Match(path=r"/api/lists/[^/]+$"), False),
        (Match(body="poison"), True),
        (Match(body="sugar"), False),
    ],
)
def test_an_order_is_played_for_the_calls_that_match(match: Match, expected: bool) -> None:
    faults = Faults()
    faults.order(Fault("500", match))
    taken = faults.take("POST", "/api/lists/X/relationships/profiles", b"a poison b")
    assert (taken is not None) is expected


def test_an_order_is_played_as_often_as_it_says_and_then_the_next() -> None:
    faults = Faults()
    faults.order(Fault("500", times=2))
    faults.order(Fault("429"))
    names = [fault.fault if fault else None for fault in (faults.take("GET", "/", b"") for _ in range(4))]
    assert names == ["500", "500", "429", None]


@pytest.mark.parametrize(
    ("retry_after", "header", "text"),
    [(7, "7", "in 7 seconds"), (2.5, "2.5", "in 2 seconds"), ("Wed, 21 Oct 2026 07:28:00 GMT",) * 2 + ("in 1 second",)],
)
def test_retry_after_is_sent_as_it_was_ordered(retry_after: float | str, header: str, text: str) -> None:
    refusal = Fault("429", retry_after=retry_after).refusal()
    assert refusal is not None
    assert refusal.headers == {"Retry-After": header}
    assert text in refusal.problems[0].detail


@pytest.mark.parametrize("order", [b"{}", b'{"fault":"earthquake"}', b'{"fault":"500","times":0}'])
def test_an_order_that_makes_no_sense_is_refused(order: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(order, type=Fault)


def test_a_path_that_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="not a valid regular expression"):
        msgspec.json.decode(b'{"fault":"500","match":{"path":"/api/("}}', type=Fault)
