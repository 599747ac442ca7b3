"""Snapshots and single changes in any order, and workers that die at any request: the list is what the model says.

tests/support/snapshot_model.py says in words what that is. Whatever came before, a last snapshot of everybody makes the
list and its people's attributes equal to it, and the same again sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, count
from typing import Literal, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from queues import pending
from queues.clock import now_ms
from queues.policy import FlushPolicy
from tests.support import oracle, snapshot_audience
from tests.support.local_system import LocalSystem
from tests.support.model import HOPELESS, address
from tests.support.mortal import Died, Mortal
from tests.support.recovery import recover
from tests.support.snapshot_model import SnapshotModel

#: The last one cannot be imported, and so is never on the list.
PEOPLE = [*(address(number) for number in range(6)), HOPELESS + address(6)]
#: On the list before Ferry is.
BEFORE = PEOPLE[:2]
PLANS = (None, "gold", "blue")
#: ms between two steps, and by how much the CDP's times are before or behind: never the same for two statements.
STEP, EARLIER, LATER, MEASURED = 1_000, -3_300, 3_300, -2_500


class Single(NamedTuple):
    """A change of one person. `due`: it is taken with the next tick, and does not wait for others."""

    person: str
    on: bool
    off: int
    plan: str | None
    due: bool = True


class Whole(NamedTuple):
    """A snapshot, perhaps with somebody twice. `off`: one that was measured some time before it comes."""

    rows: tuple[tuple[str, str | None], ...]
    off: int


class Work(NamedTuple):
    """A scheduler ticks and workers deliver; one dies at a request of that number, if there are so many."""

    dies_at: int = 0
    when: Literal["before", "after"] = "after"


class Rest(NamedTuple):
    """Everything comes to its end."""


Step = Single | Whole | Work | Rest
_people = st.sampled_from(PEOPLE)
_rows = st.lists(st.tuples(_people, st.sampled_from(PLANS)), max_size=9).map(tuple)
_steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        Single, _people, st.booleans(), st.sampled_from([EARLIER, 0, LATER]), st.sampled_from(PLANS), st.booleans()
    ),
    st.builds(Whole, _rows, st.sampled_from([0, 0, MEASURED])),
    st.just(Work()),
    st.builds(Work, st.integers(1, 150), st.sampled_from(["before", "after"])),
    st.just(Rest()),
)


class Story:
    """One audience from its beginning. `clock`: the CDP's time in ms."""

    def __init__(self, system: LocalSystem, mortal: Mortal) -> None:
        self.system, self.mortal = system, mortal
        self.clock = now_ms() - 10_000_000
        self.said = dict.fromkeys(PEOPLE, 0)
        self.plans: dict[str, str | None] = {person: PLANS[number % 3] for number, person in enumerate(PEOPLE)}
        self.model = SnapshotModel(PEOPLE, BEFORE, PEOPLE[-1:])
        self.deaths = 0
        system.empty()
        system.klaviyo.has_list(snapshot_audience.NAME, BEFORE)

    def take(self, step: Step) -> None:
        """One step on; at any time everything accepted is accounted for."""
        self.clock += STEP
        match step:
            case Single():
                self.single(step)
            case Whole(rows, off):
                self.whole(rows, self.clock + off)
            case Work(dies_at, when):
                self.work(dies_at, when)
            case Rest():
                self.rest()
        assert oracle.balance(self.system.redis) == []

    def single(self, said: Single) -> None:
        at = self.said[said.person] = max(self.clock + said.off, self.said[said.person] + 1)
        snapshot_audience.single(self.system.redis, FlushPolicy(), said.person, said.on, at, said.plan)
        self.model.single(said.person, said.on, at)
        if said.due:
            pending.flush(self.system.redis, snapshot_audience.QUEUE, now_ms())

    def whole(self, rows: tuple[tuple[str, str | None], ...], at: int) -> None:
        snapshot_audience.snapshot(self.system.redis, snapshot_audience.lines(rows), at)
        self.model.snapshot({person for person, _ in rows}, at)
        self.plans |= dict(rows)

    def work(self, dies_at: int, when: Literal["before", "after"]) -> None:
        if dies_at and self.deaths < 2:  # over whose batch three workers die is given up
            self.mortal.kill_at(dies_at, when)
        with suppress(Died):
            self.system.work()
        self.deaths += self.mortal.revive()

    def rest(self) -> None:
        """Bring everything to its end and look at it."""
        redis = self.system.redis
        recover(redis, self.system.connections)
        assert self.model.settled(self.system.klaviyo.members(snapshot_audience.NAME)) == []
        assert [*oracle.quiet(redis), *oracle.private(redis), *snapshot_audience.left_over(redis)] == []
        assert self.system.klaviyo.lists() == [snapshot_audience.NAME]

    def last(self) -> None:
        """A snapshot of everybody that is newer than all, the same again, and one that clears what they were told.

        It says of a person's plan what a snapshot said last: so it would be left out if the single changes since were.
        """
        rows = tuple(self.plans.items())
        told = dict(rows[:-1])
        self.clock += 1_000_000
        self.becomes(rows, told)
        calls = len(self.system.klaviyo.journal())
        self.becomes(rows[:-1], told)
        assert [call for call in self.system.klaviyo.journal()[calls:] if call["method"] != "GET"] == []
        self.becomes(tuple((person, None) for person in told), dict.fromkeys(told))

    def becomes(self, rows: tuple[tuple[str, str | None], ...], told: dict[str, str | None]) -> None:
        """A snapshot of these rows makes list, attributes and membership ledger what they say."""
        self.clock += STEP
        self.whole(rows, self.clock)
        self.rest()
        assert snapshot_audience.plans(self.system.klaviyo) == told
        assert snapshot_audience.known_members(self.system.redis) == told.keys()


@pytest.fixture(scope="module")
def mortal() -> Iterator[Mortal]:
    with Mortal() as found:
        yield found


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(_steps, max_size=14))
@example(steps=[Whole((), 0)]).via("an empty one of a list that is not")
@example(steps=[Whole(((PEOPLE[0], "gold"), (PEOPLE[0], None), (PEOPLE[3], "blue")), 0), Work(), Rest()]).via(
    "duplicates"
)
@example(
    steps=[Whole(((PEOPLE[2], "gold"),), 0), Work(), Single(PEOPLE[2], False, LATER, None), Work(), Work(), Rest()]
)
@example(steps=[Whole(((PEOPLE[2], "gold"),), 0), Whole(((PEOPLE[3], "gold"),), MEASURED), Work(), Rest()])
@example(steps=[Whole(((PEOPLE[3], "gold"),), 0), Rest(), Single(PEOPLE[3], True, 0, "blue"), Rest()])
def test_the_list_is_what_the_model_says_whatever_comes_and_whoever_dies(
    system: LocalSystem, mortal: Mortal, steps: list[Step]
) -> None:
    note(f"{steps}")
    story = Story(system, mortal)
    for step in steps:
        story.take(step)
    story.rest()
    story.last()


def test_a_single_change_wins_at_whatever_request_of_a_snapshot_it_comes(system: LocalSystem, mortal: Mortal) -> None:
    leaves, joins = Single(PEOPLE[5], False, LATER, None), Single(PEOPLE[0], True, LATER, None)
    whole: list[str] = []
    # At first nobody dies; then at every seventh request, for a run takes seconds.
    for number in chain([10_000], count(1, 7)):
        story = Story(system, mortal)
        story.take(Whole(((PEOPLE[5], "gold"), (PEOPLE[1], "gold")), 0))
        story.take(Work(number))
        whole = whole or list(mortal.seen)
        for step in (leaves, joins, Work(), Rest()):
            story.take(step)
        assert system.klaviyo.members(snapshot_audience.NAME) == {*BEFORE}
        if len(whole) < number < 10_000:
            return
