from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from commands.status_view import fitting, view
from ops.status_rows import RowChoice, states_of
from ops.status_words import STATES, state_of
from queues.census import Census
from queues.counts import QueueCount
from queues.holds import Hold
from queues.names import Queue
from queues.policy import Waiting
from queues.queue_rows import QueueRow
from tests.support.ops import counted
from tests.unit.ops.test_verdict import MINUTE, NOW, failing, of, waiting

HELD = waiting(1, hold=Hold("list_gone", NOW, "Restore it."))
BLOCKED = waiting(2, "b")
FAILING = failing(3)
IDLE = counted(Queue("default", "audience", "4"), "aardvarks")
LETTERS = counted(Queue("default", "audience", "5"), "zebras", kept=2, dead=2, accepted=2)
MUCH = waiting(6, pending=50)
OPEN = replace(FAILING, queue=Queue("default", "audience", "7"), batches=(replace(FAILING.batches[0], trouble=""),))
CENSUS = of(
    HELD, BLOCKED, FAILING, IDLE, LETTERS, MUCH, OPEN, holds={"b": Hold("unauthenticated", NOW, "Another key.")}
)
LONG = "x" * 60


def targets(found: list[QueueCount]) -> str:
    return "".join(count.queue.target for count in found)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("blocked", "2"),
        ("held", "1"),
        ("failing", "3"),
        ("delivering", "7"),
        ("waiting", "6"),
        ("idle", "45"),
        (None, "1234567"),
    ],
)
def test_queues_are_chosen_by_their_state(state: str | None, expected: str) -> None:
    assert "".join(sorted(targets(RowChoice(state).rows(CENSUS)))) == expected
    assert "".join(sorted(targets(RowChoice(state).every(CENSUS)))) == expected


def test_every_queue_has_exactly_one_of_the_states() -> None:
    states = [state_of(QueueRow.of(count), CENSUS.holds) for count in CENSUS.queues]
    assert states == ["held", "blocked", "failing", "idle", "idle", "waiting", "delivering"]
    assert set(states) == set(STATES)


def test_the_states_of_all_queues_follow_from_the_totals_and_the_queues_in_trouble() -> None:
    some = replace(CENSUS, queues=(HELD, FAILING), kept=CENSUS.totals)
    expected = dict.fromkeys(STATES, 1) | {"idle": 2}
    assert states_of(some) == states_of(CENSUS) == expected
    held = replace(OPEN, queue=Queue("default", "audience", "8"), hold=HELD.hold)
    assert states_of(of(*CENSUS.queues, held, holds=CENSUS.holds)) == expected | {"held": 2}


@pytest.mark.parametrize(
    ("sort", "expected"),
    [("pending", "6213745"), ("oldest", "6372145"), ("name", "4213675"), ("dead", "5213467")],
)
def test_queues_are_sorted_and_equal_ones_by_their_id(sort: str, expected: str) -> None:
    assert targets(RowChoice(sort=sort).rows(CENSUS)) == expected
    assert targets(RowChoice(sort=sort).every(CENSUS)) == expected


def test_the_most_urgent_come_first_and_the_others_are_counted() -> None:
    assert targets(RowChoice(limit=3).rows(CENSUS)) == "213"
    assert "3 of 7 queues shown, the most urgent." in printed(CENSUS, limit=3)
    assert "1 of 1 held" not in printed(CENSUS, state="held")
    assert "1 queue is held, of 7." in printed(CENSUS, state="held")
    assert "1 of 2 idle queues shown." in printed(CENSUS, state="idle", sort="name", limit=1)


def test_at_most_200_queues_are_shown_unless_a_program_asks() -> None:
    many = of(*(waiting(number) for number in range(1_000)))
    assert len(RowChoice().rows(many)) == 200
    assert len(RowChoice(limit=500).rows(many)) == 500
    assert (len(RowChoice().every(many)), len(RowChoice(limit=5).every(many))) == (1_000, 5)
    assert "200 of 1,000 queues shown, the most urgent." in printed(many)


def printed(census: Census, **chosen: object) -> str:
    out = io.StringIO()
    choice = RowChoice(**chosen)  # type: ignore[arg-type]
    Console(file=out, width=80, markup=False, emoji=False).print(view(census, choice), crop=False)
    return out.getvalue()


def trouble(queues: int, reasons: int) -> Census:
    """Queues with long ids, held for so many reasons, besides failing ones."""
    held = [
        counted(
            Queue("brand-of-a-long-name", "audience", f"{LONG}{number}"),
            waiting=Waiting(5, NOW - number * MINUTE),
            accepted=5,
            hold=Hold(
                f"reason_{number % reasons}", NOW - MINUTE, "Do something about it, which takes a sentence or two."
            ),
        )
        for number in range(queues)
    ]
    return of(*held, failing(1))


def test_no_id_is_broken_at_eighty_columns_however_long_it_is() -> None:
    census = trouble(20, 3)
    text = printed(census)
    together = "".join(text.split())
    for count in census.queues:
        assert text.count(str(count.queue)) == together.count(str(count.queue)) > 0
    assert all(len(line.rstrip()) <= 80 or LONG in line for line in text.splitlines())


@pytest.mark.parametrize(("queues", "reasons"), [(1, 1), (50, 1), (300, 40)])
@pytest.mark.parametrize("height", [24, 60])
def test_verdict_and_causes_are_on_the_screen_however_many_queues_there_are(
    queues: int, reasons: int, height: int
) -> None:
    census = trouble(queues, reasons)
    screen = Console(file=io.StringIO(), width=80, height=height, markup=False, emoji=False)
    screen.print(fitting(census, RowChoice(), screen))
    file = screen.file
    assert isinstance(file, io.StringIO)
    lines = file.getvalue().splitlines()
    assert len(lines) < height
    assert lines[0].startswith("Delivery is stopped for ")
    assert len([line for line in lines if line.startswith(("! ", "- "))]) == min(reasons + 1, height // 3)
    assert ("more cause" in "\n".join(lines)) == (reasons + 1 > height // 3)
    assert "Scheduler: ticked 1\u00a0s ago." in "\n".join(lines)
    assert "accepted = " in "\n".join(lines)


def test_as_many_queues_as_fit_are_on_the_screen() -> None:
    census = of(*(waiting(number) for number in range(40)))
    screen = Console(file=io.StringIO(), width=80, height=24)
    shown = screen.render_str("").plain + "\n".join(
        "".join(segment.text for segment in line) for line in screen.render_lines(fitting(census, RowChoice(), screen))
    )
    assert 5 <= shown.count("default/audience/") <= 10
    assert " of 40 queues shown" in shown
