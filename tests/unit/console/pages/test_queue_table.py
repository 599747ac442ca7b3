"""The queue table: its lines, their order, what a filter leaves, and its address."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.pages.bars import age_of, size_of
from console.pages.queue_filter import SORTS, QueueFilter, queue_filter
from console.pages.queue_table import Row, table
from console.paging import PAGE
from ops.status_words import STATES
from queues.census import Census
from queues.counts import OpenBatch, QueueCount
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy, Waiting, due_at
from queues.snapshots.guard import GUARD
from tests.support.ops import LAPSED, VIPS, counted

NOW = 1_767_225_600_000
MINUTE, HOUR = 60_000, 3_600_000


def census(*counts: QueueCount, **more: Any) -> Census:
    return Census(at=NOW, queues=counts, **{"holds": {}, "heartbeat": NOW, "workers": {"a": "idle"}, **more})


def queue(number: int, connection: str = "default", **more: Any) -> QueueCount:
    """A queue whose oldest change has waited for so many minutes."""
    waiting = more.pop("waiting", Waiting(number, NOW - number * MINUTE))
    return counted(Queue(connection, "audience", f"{number:03}"), f"Audience {number:03}", waiting=waiting, **more)


def opened(trouble: str = "") -> OpenBatch:
    return OpenBatch("07-ab", NOW, 10, "size", "upload", 0, held=False, ring=NOW + 40_000, trouble=trouble)


def rows(counted: Census, **wanted: Any) -> list[Row]:
    return table(counted, QueueFilter(**wanted)).rows


def names(counted: Census, **wanted: Any) -> list[str]:
    return [row.id.rpartition("/")[2] for row in rows(counted, **wanted)]


def test_each_queue_has_the_first_state_that_applies_and_what_needs_somebody_comes_first() -> None:
    found = rows(
        census(
            queue(1, waiting=Waiting(0)),
            queue(2),
            queue(3, batches=(opened(),)),
            queue(4, batches=(opened("http_503"),)),
            queue(5, hold=Hold("list_gone", NOW)),
            queue(6, "brand-b"),
            holds={"brand-b": Hold("unauthenticated", NOW, "A key.", probed=True)},
        )
    )
    assert [row.state for row in found] == list(STATES)
    assert [row.after for row in found[:2]] == ["after the fix", "after release"]
    assert found[2].retry == NOW + 40_000


def test_a_held_queue_says_what_it_waits_for_and_has_no_time() -> None:
    (row,) = rows(census(queue(5, hold=Hold(GUARD, NOW, "Look."))))
    assert (row.after, row.due) == ("after review of the snapshot", None)


def test_queues_that_one_connection_blocks_are_one_line_until_somebody_asks_for_them() -> None:
    blocked = [queue(number, "brand-b", kept=1) for number in range(1, 151)]
    counted = census(queue(7), *blocked, holds={"brand-b": Hold("unauthenticated", NOW, "A key.", probed=True)})
    found = table(counted, QueueFilter())
    fold, other = found.rows
    assert (fold.name, fold.folded, fold.pending, fold.dead) == ("150 queues of brand-b", 150, sum(range(151)), 150)
    assert (fold.oldest, other.id, found.hidden) == (NOW - 150 * MINUTE, "default/audience/007", 150)
    assert found.states == {"blocked": 150, "waiting": 1}
    asked = table(counted, QueueFilter(state="blocked", connection="brand-b"))
    assert (len(asked.rows), asked.of, asked.hidden) == (PAGE, 150, 0)
    assert len(rows(census(queue(6, "brand-b"), holds=counted.holds))) == 1


def test_an_idle_queue_with_dead_letters_comes_before_what_needs_nobody() -> None:
    letters = queue(4, waiting=Waiting(0), kept=1, dead=1, accepted=1)
    failing = queue(3, batches=(opened("http_503"),), open=10, accepted=13)
    found = census(queue(1, waiting=Waiting(0)), queue(2, accepted=2), letters, failing)
    assert names(found) == ["003", "004", "002", "001"]


def test_by_default_the_oldest_of_a_state_comes_first() -> None:
    assert names(census(queue(1), queue(9), queue(5))) == ["009", "005", "001"]


@pytest.mark.parametrize(
    ("sort", "desc", "order"),
    [
        ("name", False, ["001", "005", "009"]),
        ("pending", True, ["009", "005", "001"]),
        ("pending", False, ["001", "005", "009"]),
        ("oldest", True, ["009", "005", "001"]),
        ("dead", True, ["005", "001", "009"]),
    ],
)
def test_a_column_sorts_both_ways(sort: str, desc: bool, order: list[str]) -> None:
    assert names(census(queue(1), queue(9), queue(5, kept=3)), sort=sort, desc=desc) == order


def test_without_pending_changes_a_queue_is_last_by_age() -> None:
    assert names(census(queue(1, waiting=Waiting(0)), queue(5)), sort="oldest", desc=True) == ["005", "001"]


def test_a_filter_leaves_what_it_names_and_the_statuses_are_counted_within_it() -> None:
    counted = census(queue(11), queue(12, "brand-b"), queue(2, hold=Hold("x", NOW)))
    assert names(counted, text="AUDIENCE 01") == ["012", "011"]
    assert names(counted, text="brand-b/aud") == ["012"]
    assert names(counted, connection="brand-b") == ["012"]
    assert names(counted, kind="event") == []
    assert names(counted, state="held") == ["002"]
    found = table(counted, QueueFilter(connection="default", state="held"))
    assert (found.states, found.every, found.of) == ({"held": 1, "waiting": 1}, 2, 1)


def test_a_page_has_25_lines_and_a_number_beyond_the_last_shows_the_last() -> None:
    counted = census(*(queue(number) for number in range(1, 61)))
    first, last = table(counted, QueueFilter()), table(counted, QueueFilter(page=99))
    assert (first.first, first.last, first.of, first.pages) == (1, 25, 60, 3)
    assert (last.first, last.last, last.page) == (51, 60, 3)
    assert [row.id for row in first.rows] == [str(each.queue) for each in first.counts]


texts = st.text(max_size=20).map(str.strip)


@given(
    texts,
    st.sampled_from(["", *STATES]),
    texts,
    st.sampled_from(list(SORTS)),
    st.booleans(),
    st.integers(1, 10**5),
)
def test_an_address_holds_the_whole_filter(
    text: str, state: str, connection: str, sort: str, desc: bool, page: int
) -> None:
    wanted = QueueFilter(text, state, "", connection, sort, desc, page)
    given = {name: values[0] for name, values in parse_qs(urlparse(wanted.address).query).items()}
    assert queue_filter(given.get) == wanted


def test_unknown_values_in_an_address_count_as_none() -> None:
    given = {"state": "gone", "sort": "size", "page": "-3", "dir": "sideways"}
    assert queue_filter(given.get) == QueueFilter()
    assert queue_filter({"page": "²"}.get).page == 1


def test_a_column_pressed_twice_turns_its_order_round() -> None:
    once = QueueFilter(page=3).by("pending")
    assert (once.sort, once.desc, once.page) == ("pending", True, 1)
    assert not once.by("pending").desc


def test_bars_fill_to_the_size_and_to_the_age() -> None:
    count = counted(waiting=Waiting(50, NOW - 4 * HOUR))
    assert (size_of(count).filled, size_of(count).full, size_of(count).told) == (50, 100, "50 / 100")
    age = age_of(count, NOW)
    assert age is not None
    assert (age.filled, age.full) == (4 * HOUR, 16 * HOUR)
    assert age_of(counted(), NOW) is None


def test_the_clock_of_the_age_begins_with_the_last_upload_where_that_was_earlier() -> None:
    count = counted(waiting=Waiting(1, NOW - HOUR, NOW - 9 * HOUR))
    age = age_of(count, NOW)
    assert age is not None
    assert age.filled == 9 * HOUR
    assert rows(census(count))[0].due == NOW + 7 * HOUR


ages = st.integers(1, 1_000 * HOUR)


@given(pending=st.integers(1, 500), size=st.integers(1, 200), age=ages, oldest=ages, uploaded=st.none() | ages)
def test_a_bar_is_never_more_than_full_and_one_is_full_exactly_when_the_queue_is_due(
    pending: int, size: int, age: int, oldest: int, uploaded: int | None
) -> None:
    waiting = Waiting(pending, NOW - oldest, None if uploaded is None else NOW - uploaded)
    policy = FlushPolicy(size, age)
    count = counted(waiting=waiting, policy=policy)
    aged = age_of(count, NOW)
    assert aged is not None
    bars = (size_of(count), aged)
    assert all(0 <= bar.filled <= bar.full for bar in bars)
    due = due_at(waiting, policy)
    assert due is not None
    assert any(bar.filled == bar.full for bar in bars) == (due <= NOW) == (rows(census(count))[0].due == NOW)


def test_every_queue_is_on_one_of_the_pages() -> None:
    counted = census(*(queue(number) for number in range(1, 61)), queue(61, "brand-b"), queue(62, "brand-b"))
    held = Census(NOW, counted.queues, {"brand-b": Hold("unauthenticated", NOW)}, NOW, {})
    found = [row.id for page in (1, 2, 3) for row in rows(held, page=page)]
    assert len(found) == len(set(found)) == 61
    assert {str(VIPS), str(LAPSED)}.isdisjoint(found)
