"""The ledger against a model of itself: any order of accepting, taking, delivering, forgetting, dying, settling late.

Invariants after every step: every accepted change is pending, open, delivered, dead or superseded (conservation), no
person is in two open batches, what waits is in the order of its acceptance, and what a list holds for a person once
everything is settled is what the person's last accepted change says (order).
"""

from __future__ import annotations

from typing import cast

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, consumes, multiple, precondition, rule

from identity.persons import Intent
from queues import batches, dead_letters, keys, pending
from queues.acceptance import Acceptance, accept
from queues.batches import Batch, is_failure
from queues.change import Action, Body, decode, encode, person_key
from queues.erasure import carried, erase
from queues.errors import LeaseLost
from queues.policy import behind, decide
from queues.settlement import Settlement, Undeliverable
from tests.support.ledger_invariants import LEASE, POLICY, QUEUE, LedgerInvariants, address, fragment, name_of, named
from worker.people.batch_people import People


class LedgerMachine(LedgerInvariants):
    """Anything that processes may do to one queue."""

    held: Bundle[Batch] = Bundle("held")

    @rule(
        people=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8),
        action=st.sampled_from(["add", "remove", "update"]),
        message=st.integers(0, 30),
    )
    def accept(self, people: list[str], action: Action, message: int) -> None:
        """An intake gets a message, perhaps one that it had before."""
        now = self.model.now = self.model.now + 1
        changes = [
            encode((person_key("email", address(p)),), now, Body(action, now, "changes", str(message), fragment(p)))
            for p in people
        ]
        answer = accept(self.redis, Acceptance(QUEUE, POLICY, str(message), changes), now)
        assert answer.fresh == (str(message) not in self.model.messages)
        if answer.fresh:
            self.model.messages.add(str(message))
            self.model.accepted += len(people)
            if action != "update":
                self.model.target |= dict.fromkeys(people, action)

    @rule(target=held, ask=st.booleans(), ring=st.sampled_from([True, True, False]))
    def tick(self, ask: bool, ring: bool) -> MultipleResults[Batch]:
        """A scheduler ticks, perhaps after an operator asked for a flush; workers may hear it ring."""
        if ask:
            pending.flush(self.redis, QUEUE, self.model.now)
        for seen in pending.look(self.redis, pending.due(self.redis, self.model.now)):
            decision = decide(seen.waiting, POLICY, self.model.now)
            assert decision is not None, "the due index and the policy agree"
            taken = pending.take(self.redis, seen, decision[0], decision[1], self.model.now)
            if taken is None and (most := behind(seen.waiting, POLICY)):
                pending.take(self.redis, seen, "size", most, self.model.now, behind=True)
        return cast("MultipleResults[Batch]", multiple(*(self._started() if ring else [])))

    def _started(self) -> list[Batch]:
        ready = batches.to_ring(self.redis, self.model.now)
        started = [batches.reclaim(self.redis, batch_id, self.model.now, LEASE) for batch_id in ready]
        assert all(started), "a batch that is to be rung for can be held"
        # Read now: a worker that loses its batch has the changes already and may still try to settle it.
        return [batch for batch in started if batch and batch.changes]

    @rule(batch=held)
    def note(self, batch: Batch) -> None:
        """A worker writes its progress down."""
        try:
            batches.submit(self.redis, batch, b'{"noted":1}', fails=False)
        except LeaseLost:
            assert not self.is_current(batch)

    @rule(batch=consumes(held), wait=st.integers(0, 50), trouble=st.sampled_from(["", "http_503", "throttled"]))
    def give_back(self, batch: Batch, wait: int, trouble: str) -> None:
        """A worker has something to wait for, perhaps after a failure."""
        written = b'{"trouble":"%s"}' % trouble.encode()
        fails = is_failure(trouble)
        try:
            batches.submit(self.redis, batch, written, ring_at=self.model.now + wait, attempts=1, fails=fails)
        except LeaseLost:
            assert not self.is_current(batch)

    @rule(wait=st.integers(1, 2 * LEASE))
    def time_passes(self, wait: int) -> None:
        """Leases may run out meanwhile."""
        self.model.now += wait

    @rule(
        target=held,
        batch=consumes(held),
        reject=st.sets(st.integers(0, 4)),
        frozen=st.sampled_from([False, False, True]),
    )
    def finish(self, batch: Batch, reject: set[int], frozen: bool) -> MultipleResults[Batch]:
        """A worker does all of it; perhaps it freezes before it settles, so long that another one gets the batch."""
        intents = People(batch.changes).intents
        delivered = [intent for intent in intents if intent.indexes[0] not in reject]
        self._upload(batch, delivered)
        another = self._taken_over(batch) if frozen else []
        self._settle(batch, delivered, [intent for intent in intents if intent not in delivered])
        return cast("MultipleResults[Batch]", multiple(*another))

    def _taken_over(self, batch: Batch) -> list[Batch]:
        self.model.now += 2 * LEASE
        another = batches.reclaim(self.redis, batch.id, self.model.now, LEASE)
        return [another] if another and another.changes else []

    def _upload(self, batch: Batch, intents: list[Intent]) -> None:
        try:
            batches.renew(self.redis, batch, self.model.now, LEASE)
        except LeaseLost:
            assert not self.is_current(batch)
            return
        for intent in intents:
            if intent.membership is not None:
                self.model.klaviyo[name_of(batch, intent.last)] = intent.membership

    def _settle(self, batch: Batch, delivered: list[Intent], rejected: list[Intent]) -> None:
        dead = [Undeliverable(index, "test", {}) for intent in rejected for index in intent.indexes]
        superseded = sum(len(intent.indexes) - 1 for intent in delivered)
        moved = [intent.decisive for intent in delivered if intent.decisive is not None]
        current = self.is_current(batch)
        try:
            batches.settle(self.redis, batch, Settlement(superseded, dead, moved), self.model.now)
        except LeaseLost:
            assert not current
        else:
            assert current, "a worker settled a batch that another one holds"

    @precondition(lambda self: self.redis.exists(keys.queue(QUEUE, "dead")))
    @rule(every=st.integers(1, 3))
    def replay(self, every: int) -> None:
        """An operator puts dead letters back, all or some."""
        letters = list(dead_letters.read(self.redis, QUEUE))[::every]
        answer = dead_letters.replay(self.redis, QUEUE, [letter.id for letter in letters], self.model.now)
        assert answer.replayed + answer.stayed == len(letters)

    @rule(person=st.sampled_from("abcdefgh"))
    def forget(self, person: str) -> None:
        """A person asks to be forgotten, by Klaviyo too."""
        if self.redis.sismember(keys.queue(QUEUE, "open"), person_key("email", address(person))):
            return
        self.model.now += 1
        found = carried(self.redis, QUEUE, [person_key("email", address(person))])
        erased = erase(self.redis, QUEUE, found.pending, [letter.id for letter in found.letters], self.model.now)
        assert erased == (len(found.pending), len(found.letters))
        self.model.target.pop(person, None)
        self.model.klaviyo.pop(person, None)
        waiting = cast("list[bytes]", self.redis.lrange(keys.queue(QUEUE, "pending"), 0, -1))
        held = [decode(stored) for stored in waiting] + [each.change for each in dead_letters.read(self.redis, QUEUE)]
        assert person not in {named(change.body.person) for change in held}

    def teardown(self) -> None:
        """When faults end and dead letters are replayed, each person is where the last change says."""
        while self._round():
            pass
        self.replay(every=1)
        while self._round():
            pass
        assert self.model.klaviyo == self.model.target, "somebody is not where the last change says"
        assert list(dead_letters.read(self.redis, QUEUE)) == []
        assert list(self.redis.scan_iter("ferry:*:b:*")) + list(self.redis.scan_iter("ferry:*:buried")) == []

    def _round(self) -> bool:
        self.model.now += 2 * LEASE
        self.tick(ask=True, ring=False)
        started = self._started()
        for batch in started:
            self.finish(batch, reject=set(), frozen=False)
        return bool(started)
