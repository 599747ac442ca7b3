"""One query of a table that changes, its runs, single changes over HTTP, and processes that die at any request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Final

from ops.queries import actions
from queues.clock import now_ms
from queues.names import Queue
from queues.queries import records, slots
from queues.queries.records import QueryRun
from queues.snapshots import orders
from queues.snapshots.guard import GUARD
from scheduler import queries as schedule
from tests.support import query_seen
from tests.support.identity_messages import VIPS, Posted, add, remove, update
from tests.support.identity_story import nothing
from tests.support.identity_world import CLASHES, IdentityWorld
from tests.support.model import DOMAIN
from tests.support.mortal import Died, Mortal
from tests.support.queries import lease_over, state
from tests.support.query_model import VARIED_NAMES, QueryModel, Reading, read
from tests.support.query_seen import Attempt, Flight
from tests.support.query_table import (
    FAMILY,
    LOST,
    MOVER,
    NAMELESS,
    PEOPLE,
    SHARED,
    VARIED,
    Table,
    email_of,
    named,
    own_id,
)
from worker.queries import run as worker

HOUR: Final = 3_600_000
#: After which a snapshot is held: it waits for what came before it, and processes may die.
ROUNDS: Final = 12
#: Of the processes that work on one batch or one run: after three it is given up.
DEATHS: Final = 2
#: A process dies in this share of the cases, at one of so many requests, if it makes so many.
MORTALITY, OF_SCHEDULER, OF_READER, OF_WORKER = 0.35, 6, 25, 150


class QueryStory:
    """A list from its beginning. `full`: on the connection that sends whole profiles. `told`: what happened so far."""

    def __init__(self, world: IdentityWorld, mortal: Mortal, folder: Path, random: Random, full: bool) -> None:
        self.world, self.mortal, self.random, self.redis = world, mortal, random, world.redis
        self.full, self.varied, self.told = full, random.random() < 0.5, list[str]()
        name = "43" if full else "42"
        (self.query,) = [query for query in world.known.queries if query.name == name]
        self.audience = Queue(self.query.connection, "audience", name)
        self.syncs = orders.queue_of(self.query.connection, name)
        self.table = Table(folder / "shop.sqlite", random)
        self.clock, self.deaths, self.singles = now_ms() // HOUR * HOUR - 10_000 * HOUR, 0, 0
        self.attempts, self.flights, self.seen = list[Attempt](), list[Flight](), set[str]()
        self.run_id, self.vague = "", False
        world.empty(random.choice(CLASHES))
        world.clashes.clear()
        self.model = QueryModel(self._before())
        self._schedule()

    def _before(self) -> list[str]:
        """Who is on the list already. Somebody else is known at Klaviyo by what people here share."""
        if self.random.random() < 0.5:
            self.world.put(email=f"crm@{DOMAIN}", external_id=SHARED, phone_number=FAMILY)
        before = [f"old@{DOMAIN}", email_of("bea"), email_of(MOVER)] if self.random.random() < 0.7 else []
        for email in before:
            self.world.put(VIPS, email=email)
        return before

    def go(self, step: str) -> None:
        """Take a step, by its name."""
        self.told.append(step)
        take: Callable[[], None] = getattr(self, step)
        take()

    # The steps.

    def edit(self) -> None:
        """A few rows of the table are others."""
        for _ in range(self.random.randint(1, 5)):
            self.table.edit(self.varied)
        # Whom an id or a phone means that stands in no row beside an e-mail depends on the past.
        clear = {LOST, own_id(NAMELESS), *VARIED_NAMES}
        unclear = {name for name in self._read().people if "@" not in name} - clear
        self.table.delete([number for number, row in self.table.rows.items() if unclear & {*read([row]).people}])

    def single(self) -> None:
        """One person joins, leaves, or gets another tag."""
        human = self.random.choice([*PEOPLE, MOVER, NAMELESS, *([VARIED] if self.varied else [])])
        name = own_id(NAMELESS) if human == NAMELESS else email_of(human, self.random.choice([0, 1]))
        self.singles += 1
        tag, say = f"{human}#single{self.singles}", self.random.choice([add, add, remove, remove, update])
        at = self._post(say, self._named(human, name, say), {} if say is remove else {"tag": tag})
        if say is update:
            # Whether a result that was read before is written before or after it, nobody knows.
            self.vague |= bool(self.flights)
            self.model.tagged(name, tag, late=bool(self.flights))
        else:
            self.model.single(name, say is add, at, tag)
        self.flights = [flight._replace(expected=None) for flight in self.flights]

    def _named(self, human: str, name: str, say: Callable[..., Posted]) -> dict[str, str]:
        """The identifiers of a change: of a member whose own id was delivered perhaps the id alone."""
        is_known = self.model.known.get(name, {}).get("external_id") == own_id(human) and human != MOVER
        if is_known and say is not add and not self.flights and self.random.random() < 0.5:
            return {"external_id": own_id(human)}
        return named(human, name, say is remove, self.random)

    def _post(self, say: Callable[..., Posted], person: dict[str, str], told: dict[str, str]) -> int:
        self.told.append(f"    {say.__name__} {person} {told}")
        at, more = self.world.later(), {"connection": self.query.connection, **person, **told}
        self.world.post(say(at=at, audience=(self.query.name, VIPS), **more))
        return at

    def begin(self) -> None:
        """A run begins by its schedule, or because somebody asks; not while another one has not ended."""
        running = state(self.redis, self.query.name).running
        if self.random.random() < 0.5:
            self.clock += HOUR
            self._schedule()
            self.run_id = slots.slot_id(self.query.name, self.clock)
            assert self._run().state == ("skipped" if running else "queued")
            return
        self.run_id, begun = actions.order(self.redis, "cli:ann", self.query)
        assert (self.run_id, begun) == (running or self.run_id, not running)

    def _schedule(self) -> None:
        """A scheduler dies, perhaps, and another one goes on."""
        with self._mortal(OF_SCHEDULER):
            schedule.begin_due(self.redis, [self.query], self.clock)
            schedule.ring(self.redis, [self.query], now_ms())
        schedule.begin_due(self.redis, [self.query], self.clock)

    def read(self) -> None:
        """A worker takes the run that has not ended, and dies, perhaps."""
        if not (running := state(self.redis, self.query.name).running):
            return
        began, reading, deaths = self.world.later(), self._read(), self.deaths
        with self._mortal(OF_READER):
            worker.run(running)
        self.attempts.append(Attempt(began, self.world.arrived(), reading))
        self._look()
        if self.deaths > deaths:
            lease_over(self.redis, running)

    def _look(self) -> None:
        """A result that was submitted meanwhile is a statement about everybody, unless the guard holds it."""
        for record in reversed(orders.records(self.redis, self.syncs)):
            if record.order.snapshot in self.seen:
                continue
            at = record.order.at
            (reading,) = [each.reading for each in self.attempts if each.began <= at <= each.ended]
            expected = None if self.flights or self.varied or self.vague else self.model.expect(reading)
            self.vague = False
            self.seen.add(record.order.snapshot)
            self.flights.append(Flight(record.order.snapshot, at, reading, expected))
            if reading.people:
                self.model.run(reading, at)

    def cancel(self) -> None:
        """Somebody cancels the run that has not ended; it is too late once its result was submitted."""
        if not (running := state(self.redis, self.query.name).running):
            return
        assert actions.cancel(self.redis, "cli:ann", self.query, running)
        before, self.run_id = {*self.seen}, running
        self.finish()
        assert (self._run().state, self.seen) == ("submitted" if self._run().snapshot else "cancelled", before)

    def fail(self) -> None:
        """The table is away while a run reads."""
        self.finish()
        self.table.is_there(here=False)
        before = {*self.seen}
        self.begin()
        self.finish()
        self.table.is_there(here=True)
        assert (self._run().state, self._run().error, self.seen) == ("failed", "query_failed", before)

    def hold(self) -> None:
        """The guard holds an empty result, until a person releases it or the next run takes its place."""
        self.begin()
        self.rest()
        rows = self.table.take_out()
        self.begin()
        self.finish()
        self.single()
        for _ in range(ROUNDS):
            self.work()
        assert self.world.held() == {str(self.syncs): GUARD}
        self.single()
        released = self.random.random() < 0.5
        if released:
            assert self.world.command("release", str(self.syncs)).exit_code == 0
            self.model.run(self.flights[-1].reading, self.flights[-1].at)
            self.rest()
        for row in rows:
            self.table.put(row)
        if not released:
            self.begin()
            self.rest()

    def work(self, share: float = MORTALITY) -> None:
        """All waits are over, and what is open is taken as far as it can be, unless a process dies."""
        with self._mortal(OF_WORKER, share):
            self.world.push()
        nothing(query_seen.stolen(self.world))

    def amid(self) -> None:
        """A single change comes while something is carried out: its process dies then, and another one goes on."""
        self.read()
        self.work(share=1)
        self.single()
        self.work()

    def finish(self) -> None:
        """The run that has not ended comes to its end."""
        while state(self.redis, self.query.name).running:
            self.read()

    def rest(self) -> None:
        """Everything comes to its end and is looked at."""
        self.finish()
        self.world.settle()
        self.told.append(f"    is {sorted(query_seen.tags(self.world))}")
        nothing([*query_seen.stolen(self.world), *self.model.wrong(query_seen.tags(self.world))])
        nothing(query_seen.left_over(self.redis, self.audience))
        nothing([each for flight in self.flights for each in query_seen.miscounted(self.redis, flight)])
        self.flights, self.attempts, self.deaths = [], [], 0

    def last(self) -> None:
        """The same result, read again, sends nothing."""
        self.table.tidy()
        for _ in range(3):
            before = query_seen.writes(self.world)
            self.begin()
            self.rest()
        assert query_seen.writes(self.world) == before

    # What they are made of.

    @contextmanager
    def _mortal(self, requests: int, share: float = MORTALITY) -> Iterator[None]:
        if self.deaths >= DEATHS or self.random.random() > share:
            yield
            return
        when = self.random.choice(["before", "after"])
        self.mortal.kill_at(self.random.randint(1, requests), "before" if when == "before" else "after")
        with suppress(Died):
            yield
        if self.mortal.revive():
            self.deaths += 1
            self.told.append(f"    died {when} {self.mortal.seen[-1]}")

    def _read(self) -> Reading:
        return read(self.table.rows.values(), self.full)

    def _run(self) -> QueryRun:
        found = records.run(self.redis, self.run_id)
        assert found is not None
        return found
