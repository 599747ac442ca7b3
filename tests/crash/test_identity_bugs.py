"""Tests of the tests: mistakes about who is who are put into Ferry, and the proofs have to notice each.

Some of them are those that Ferry once had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from identity import erasing
from identity import persons as persons_module
from identity.blocked import Blocked
from identity.erasing import Subject, Trace
from identity.holding import ChangeIdentity
from identity.identifiers import Named
from identity.leaving import Leaver
from identity.persons import PersonGroup
from mappings.person import Person
from mappings.sources import merge
from queues import holds
from queues.clock import now_ms
from queues.holds import Hold
from queues.people.identities import Identities
from tests.support.identity_messages import AUDIENCE, VIPS, add, dsr
from tests.support.identity_steps import ByPhone, Deliver, Enter, Exit, Leave, Move, Own, Phone, Step, Tell
from tests.support.identity_story import Story
from tests.support.identity_world import CLASHES, IdentityWorld
from worker.audience import kind, upload
from worker.people import batch_people, late_news, leavers, recognizing, verifying

Plant = Callable[[pytest.MonkeyPatch], None]
ANN, BOB = "ann@canary.example", "bob@canary.example"
NEXT = Deliver()


def people_who_share_anything_are_one_person(patch: pytest.MonkeyPatch) -> None:
    def union(said: Sequence[ChangeIdentity], *_: Any) -> list[PersonGroup]:
        found: list[tuple[set[Named], PersonGroup]] = []
        for index, each in enumerate(said):
            having = [one for one in found if not one[0].isdisjoint(each.who.named)]
            found = [one for one in found if one not in having]
            indexes = sorted([*(i for _, group in having for i in group.indexes), index])
            found.append((set(each.who.named).union(*(names for names, _ in having)), PersonGroup(indexes)))
        return [group for _, group in found]

    patch.setattr(persons_module, "groups", union)


def the_newest_message_forgets_the_rest(patch: pytest.MonkeyPatch) -> None:
    def newest(persons: Sequence[Person]) -> Person:
        merged = merge(persons)
        return msgspec.structs.replace(merged, identities=persons[-1].identities)

    patch.setattr(batch_people, "merge", newest)


def a_leaver_is_looked_for_by_the_strongest_identifier_only(patch: pytest.MonkeyPatch) -> None:
    leaver = leavers._leaver

    def strongest(*known: Any) -> Leaver:
        found = leaver(*known)
        return Leaver(email=found.email) if found.email else found

    patch.setattr(leavers, "_leaver", strongest)


def imported_people_count_as_on_the_list(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(kind, "prove", lambda _: None)


def every_identifier_is_sent_with_everybody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(upload, "verify", lambda *_: None)


def nothing_is_blocked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Blocked, "holds", lambda *_: False)


def old_news_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(late_news, "find", lambda *_: late_news.Late(set(), {}))


def nobody_leaves_for_a_newer_address(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(kind, "moved_away", lambda *_: [])


def a_person_without_the_id_at_klaviyo_is_new(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(verifying, "_address_by_profile", lambda *_: None)


def an_erasure_follows_every_identifier(patch: pytest.MonkeyPatch) -> None:
    def is_theirs(subject: Subject, trace: Trace, _: object) -> bool:
        return trace.who.email in subject.emails or not subject.ids.isdisjoint(trace.who.named)

    patch.setattr(erasing, "is_theirs", is_theirs)


def an_id_stands_for_its_former_address_too(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Identities, "disown", lambda *_: None)


def a_phone_stands_for_who_had_it_too(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(recognizing, "has_another", lambda *_: False)


def story(*steps: Step) -> Callable[[IdentityWorld], None]:
    """These steps beside the plain model."""

    def run(world: IdentityWorld) -> None:
        told = Story(world, set())
        for step in (*steps, NEXT):
            told.go(step)

    return run


def nobody_gets_on_the_list(world: IdentityWorld) -> None:
    """Klaviyo imports, and shows nobody on the list."""
    world.klaviyo.control("identity", {"membership_delay_seconds": 1e9})
    world.send(add(ANN), add(BOB))
    told = world.counts()
    assert told["delivered"] == 0, f"{told['delivered']} are delivered, and nobody is on the list"
    assert world.reasons() == {"not_on_list": 2}


def somebody_is_erased(world: IdentityWorld) -> None:
    """Two people wait with one id, and one of them asks to be forgotten."""
    told: dict[str, Any] = {"audience": (AUDIENCE, VIPS), "connection": "mp"}
    world.post(add(ANN, "c-77", **told), add(BOB, "c-77", **told))
    (queue,) = world.queues()
    holds.place(world.redis, queue, Hold("operator", now_ms()))
    world.post(dsr(email=ANN, customer="c-77"))
    world.push(6)
    holds.release(world.redis, queue)
    world.settle()
    assert (world.members(), world.reasons()) == ({BOB}, {}), "somebody else was erased"


def tell(human: str, known_as: str = "", **more: Any) -> Tell:
    """One of the people joins."""
    return Tell(human, joins=True, known_as=known_as, phone=more.get("phone", False), when=more.get("when", "now"))


def move(human: str, which: int, joins: bool = True) -> Move:
    """A mover enters under an address, or leaves under it."""
    return Move(human, which, joins, "", phone=False, when="now")


@dataclass(frozen=True)
class Bug:
    """`plant` puts it in, `run` has to fail of it, with `words` in what it says, whatever Klaviyo does in a clash."""

    plant: Plant
    run: Callable[[IdentityWorld], None]
    words: str


BUGS = {
    "transitive union": Bug(
        people_who_share_anything_are_one_person,
        story(tell("ann", "Shared-1"), tell("bob", "Shared-1")),
        "ann@canary.example is missing|attributes of ann",
    ),
    "forget the rest": Bug(
        the_newest_message_forgets_the_rest, story(tell("ann", "own"), tell("ann")), "has lost an id"
    ),
    "strongest only": Bug(
        a_leaver_is_looked_for_by_the_strongest_identifier_only,
        story(move("mia", 0), NEXT, move("mia", 1, joins=False)),
        "mia.0@canary.example is on the list",
    ),
    "unproved": Bug(imported_people_count_as_on_the_list, nobody_gets_on_the_list, "2 are delivered"),
    "unverified": Bug(
        every_identifier_is_sent_with_everybody,
        story(tell("ann", "Shared-2")),
        "stranger@canary.example is not known any more",
    ),
    "nothing blocked": Bug(nothing_is_blocked, story(tell("ann", "0"), tell("bob", "0")), "which is nobody's"),
    "late news counts": Bug(
        old_news_counts, story(tell("ann"), NEXT, Leave("ann", "late")), "ann@canary.example is missing"
    ),
    "both addresses stay": Bug(
        nobody_leaves_for_a_newer_address, story(move("mia", 0), NEXT, move("mia", 1)), "mia.0@canary.example is on the"
    ),
    "new by an id": Bug(
        a_person_without_the_id_at_klaviyo_is_new,
        story(tell("bob", "own"), NEXT, Own("bob", "update")),
        "Own-bob has the",
    ),
    "former address": Bug(
        an_id_stands_for_its_former_address_too,
        story(Enter("mia", 0), Enter("max", 1), NEXT, Enter("mia", 1), Enter("max", 0), NEXT, Exit("mia")),
        "pool.1@canary.example is on the list",
    ),
    "former phone": Bug(
        a_phone_stands_for_who_had_it_too,
        story(Phone("ann", 0), NEXT, Phone("ann", 1), NEXT, Phone("bob", 0), NEXT, ByPhone(0, leaves=True)),
        "ann@canary.example is missing",
    ),
    "erasure by a chain": Bug(an_erasure_follows_every_identifier, somebody_is_erased, "somebody else was erased"),
}
RUNS = {name: bug.run for name, bug in BUGS.items()}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_ferry_as_it_is_passes_and_whatever_klaviyo_does_in_a_clash_there_is_none(
    world: IdentityWorld, run: Callable[[IdentityWorld], None]
) -> None:
    world.empty("refuse")
    world.clashes.clear()
    run(world)
    assert world.clashes == []


@pytest.mark.parametrize("clash", CLASHES)
@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_a_mistake_is_noticed(world: IdentityWorld, monkeypatch: pytest.MonkeyPatch, clash: str, bug: Bug) -> None:
    world.empty(clash)
    bug.plant(monkeypatch)
    with pytest.raises(AssertionError, match=bug.words):
        bug.run(world)
