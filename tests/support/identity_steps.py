"""Random news about a few humans, from several sources, and deliveries in between."""

from __future__ import annotations

from typing import Literal, NamedTuple

from hypothesis import strategies as st

from tests.support.identity_model import BLOCKED, EVERYBODY, MOVERS, PEOPLE

When = Literal["now", "same", "late", "future"]


class Tell(NamedTuple):
    """Of one of the people, by address. `known_as`: an external id beside it, `own` for the person's."""

    human: str
    joins: bool
    known_as: str
    phone: bool
    when: When


class Own(NamedTuple):
    """Of one of the people, by the own id alone."""

    human: str
    action: Literal["add", "update", "remove"]


class Leave(NamedTuple):
    """One of the people leaves, by address."""

    human: str
    when: When


class LeaveBy(NamedTuple):
    """All who have a shared id leave."""

    shared: str


class Move(NamedTuple):
    """A mover enters under an address, or leaves under it."""

    human: str
    which: int
    joins: bool
    known_as: str
    phone: bool
    when: When


class Enter(NamedTuple):
    """A mover enters under an address that movers exchange."""

    human: str
    which: int


class Exit(NamedTuple):
    """A mover leaves, and no address is named."""

    human: str


class Phone(NamedTuple):
    """One of the people joins and has this phone now."""

    human: str
    which: int


class ByPhone(NamedTuple):
    """Whoever has this phone leaves, or has a new tag."""

    which: int
    leaves: bool


class Nameless(NamedTuple):
    """Somebody without an address."""

    joins: bool


class Erase(NamedTuple):
    """An address asks to be forgotten."""

    human: str
    which: int


class Deliver(NamedTuple):
    """Everything is delivered to its end; a worker dies at a request of that number, if there are so many."""

    dies_at: int = 0


Step = Tell | Own | Leave | LeaveBy | Move | Enter | Exit | Phone | ByPhone | Nameless | Erase | Deliver
_which = st.sampled_from([0, 1, 0, 1, 2])
_joins = st.sampled_from([True, False, True])
_when = st.sampled_from(["now", "now", "now", "same", "late", "future"])
_shared = st.sampled_from(["Shared-1", "Shared-2"])
_known_as = st.sampled_from(["", "own", *BLOCKED])
_actions = st.sampled_from(["add", "update", "remove"])


@st.composite
def steps(draw: st.DrawFn, dies_at: st.SearchStrategy[int]) -> list[Step]:
    """Some news, with deliveries in between, about few of the humans, so that there is much to be confused of each."""
    people = st.sampled_from(draw(st.sampled_from([PEOPLE[:2], PEOPLE[1:], PEOPLE])))
    mover = st.just(draw(st.sampled_from(sorted(MOVERS))))
    told: list[st.SearchStrategy[Step]] = [
        *[st.builds(Deliver, dies_at)] * 4,
        *[st.builds(Tell, people, _joins, _known_as | _shared, st.booleans(), _when)] * 6,
        *[st.builds(Move, mover, _which, _joins, _known_as, st.booleans(), _when)] * 6,
        *[st.builds(Own, people, _actions)] * 2,
        *[st.builds(Leave, people, _when)] * 2,
        *[st.builds(Enter, st.sampled_from(sorted(MOVERS)), st.integers(0, 2))] * 6,
        *[st.builds(Exit, st.sampled_from(sorted(MOVERS)))] * 2,
        *[st.builds(Phone, people, st.integers(0, 1))] * 3,
        st.builds(ByPhone, st.integers(0, 1), st.booleans()),
        st.builds(LeaveBy, _shared),
        st.builds(Nameless, st.booleans()),
        st.builds(Erase, people | mover, _which),
    ]
    # By number, for `one_of` does not take a strategy more often that is named more often.
    return draw(st.lists(st.integers(0, len(told) - 1).flatmap(told.__getitem__), min_size=10, max_size=20))


agreeing = st.sets(st.sampled_from(EVERYBODY), max_size=3)
