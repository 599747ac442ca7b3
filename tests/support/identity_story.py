"""News about a few humans told as their sources tell it, in random batches, to Ferry and to the plain model."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

from queues.clock import now_ms
from tests.support.identity_messages import AUDIENCE, VIPS, Posted, add, consent, dsr, entered, member, remove, update
from tests.support.identity_model import (
    BLOCKED,
    DOMAIN,
    MOVERS,
    NAMELESS,
    PHONES,
    POOL,
    Model,
    address,
    differences,
    own_id,
    stolen,
)
from tests.support.identity_steps import (
    ByPhone,
    Deliver,
    Enter,
    Erase,
    Exit,
    Leave,
    LeaveBy,
    Move,
    Nameless,
    Own,
    Phone,
    Step,
    Tell,
    When,
)
from tests.support.identity_world import ROUNDS, IdentityWorld
from tests.support.mortal import Died, Mortal

#: All sources speak of the audience of mParticle's account.
_AUDIENCE: dict[str, Any] = {"audience": (AUDIENCE, VIPS), "connection": "mp"}
#: Klaviyo knows these people from elsewhere, one of them with an id that others are told of here.
KNOWN: tuple[dict[str, str], ...] = (
    {"email": address("bob"), "external_id": "crm-1"},
    {"email": address("mia", 1)},
    {"email": f"stranger@{DOMAIN}", "external_id": "Shared-2"},
)
PHONE = "+14155552671"
MINUTE, HOUR = 60_000, 3_600_000


class Story:
    """One list from its beginning, with somebody in the account already. `agreed`: who consents before all else."""

    def __init__(self, world: IdentityWorld, agreed: set[str], mortal: Mortal | None = None) -> None:
        self.world, self.mortal = world, mortal
        self.model = Model(set(agreed))
        self._tags = count(1)
        self._told_so_far: list[str] = []
        self._last: dict[str, int] = {}
        self._fresh = False  # whether an id came that is not delivered yet
        for known in KNOWN:
            world.put(**known)
            self.model.tag[known["email"]] = ""
            self.model.lasting.add(known["email"])
            self.model.ids[known["email"]] |= {known["external_id"]} if "external_id" in known else set()
        for each in sorted(agreed):
            human = each.partition(".")[0]
            world.post(consent(each, MOVERS[human] if human in MOVERS and human != "sam" else "0"))

    def go(self, step: Step) -> None:
        """Tell the step to Ferry and to the model."""
        self._told_so_far.append(str(step))
        tell: Callable[[Any], None] = getattr(self, f"_{type(step).__name__.lower()}")
        tell(step)

    def _tell(self, step: Tell) -> None:
        person, time = address(step.human), self._time(step.human, step.when if step.joins else "now")
        told, known_as = self._told(person, time, step), ""
        if not self._late(step.human, time):
            known_as = own_id(step.human) if step.known_as == "own" else step.known_as
        ids = {known_as} - {"", *BLOCKED}
        say = add if step.joins else update
        at = self._post(step.human, lambda at: say(person, known_as or None, at=at, **told, **_AUDIENCE), time)
        self._fresh |= bool(ids)
        if step.joins:
            self.model.join(step.human, person, at)
        self.model.know(person, ids)

    def _own(self, step: Own) -> None:
        own, person = own_id(step.human), address(step.human)
        if person not in self.model.under[own]:
            return
        if step.action == "remove":
            self._deliver_ids()
        say = {"add": add, "update": update, "remove": remove}[step.action]
        told = {} if step.action == "remove" else {"tag": self._tag(person)}
        at = self._post(step.human, lambda at: say(external_id=own, at=at, **told, **_AUDIENCE))
        if step.action == "add":
            self.model.join(step.human, person, at, by_address=False)
        elif step.action == "remove":
            self.model.leave(step.human, at)

    def _leave(self, step: Leave) -> None:
        self._deliver_ids()
        time = self._time(step.human, step.when)
        at = self._post(step.human, lambda at: remove(address(step.human), at=at, **_AUDIENCE), time)
        self.model.leave(step.human, at)

    def _leaveby(self, step: LeaveBy) -> None:
        if not self.model.under[step.shared] or step.shared in self.model.unsure:
            return
        self.deliver()
        at = self._post(step.shared, lambda at: remove(external_id=step.shared, at=at, **_AUDIENCE))
        self.model.leave_by(step.shared, at)
        self.deliver()

    def _move(self, step: Move) -> None:
        person, time = address(step.human, step.which), self._time(step.human, step.when)
        told = self._told(person, time, step) if step.joins else {}
        say = _by_segment if step.human == "sam" else _by_mparticle
        if step.human == "sam":
            self.model.tag.setdefault(person, "")  # the event that somebody has left makes a profile, too
        known_as = "" if self._late(step.human, time) else step.known_as
        at = self._post(step.human, lambda at: say(step._replace(known_as=known_as), person, at, told), time)
        if step.joins:
            return self.model.join(step.human, person, at)
        return self.model.leave(step.human, at)

    def _enter(self, step: Enter) -> None:
        person = POOL[step.which]
        say = _by_segment if step.human == "sam" else _by_mparticle
        told, move = {"tag": self._tag(person)}, Move(step.human, 0, joins=True, known_as="", phone=False, when="now")
        at = self._post(step.human, lambda at: say(move, person, at, told))
        self.model.join(step.human, person, at)

    def _exit(self, step: Exit) -> None:
        if step.human not in self.model.pool:
            return
        user = MOVERS[step.human]
        if step.human == "sam":
            known: dict[str, Any] = {"audience": str(AUDIENCE), "traits": {}}
            at = self._post(step.human, lambda at: entered(user, "", "mp", exited=True, at=at, **known))
        else:
            at = self._post(step.human, lambda at: member(None, user, "delete", at))
        self.model.leave(step.human, at)

    def _phone(self, step: Phone) -> None:
        person, phone = address(step.human), PHONES[step.which]
        told = {"tag": self._tag(person), "phone": phone}
        at = self._post(step.human, lambda at: add(person, at=at, **told, **_AUDIENCE))
        self._fresh = True
        self.model.join(step.human, person, at)
        self.model.phones[person].append(phone)

    def _byphone(self, step: ByPhone) -> None:
        phone = PHONES[step.which]
        self.deliver()
        having = self.model.with_phone(phone)
        if step.leaves and having:
            at = self._post(phone, lambda at: remove(phone=phone, at=at, **_AUDIENCE))
            for person in having:
                self.model.leave(person.partition("@")[0], at)
        elif len(having) == 1 and having[0] in self.model.on:
            told = {"tag": self._tag(having[0])}
            self._post(having[0].partition("@")[0], lambda at: update(phone=phone, at=at, **told, **_AUDIENCE))
        self.deliver()

    def _nameless(self, step: Nameless) -> None:
        told = {"tag": self._tag(NAMELESS)} if step.joins else {}
        say = add if step.joins else remove
        at = self._post(NAMELESS, lambda at: say(external_id=NAMELESS, at=at, **told, **_AUDIENCE))
        if step.joins:
            return self.model.join(NAMELESS, NAMELESS, at)
        return self.model.leave(NAMELESS, at)

    def _erase(self, step: Erase) -> None:
        person = address(step.human, step.which)
        self.deliver()
        self.world.post(dsr(email=person))
        self.model.erase(step.human, person)
        self.deliver()

    def _deliver(self, step: Deliver) -> None:
        self.deliver(step.dies_at)

    def _time(self, human: str, when: When) -> int | None:
        """The CDP's time of the next news of a human, ms; None for one in the future."""
        newest = self.model.newest.get(human, 0)
        if when == "late" and newest:
            return newest - MINUTE
        # Not where attributes came meanwhile: in one batch these go by their time, too.
        if when == "same" and newest == self._last.get(human):
            return newest
        return None if when == "future" else self.world.later()

    def _late(self, human: str, time: int | None) -> bool:
        return time is not None and time < self.model.newest.get(human, 0)

    def _post(self, human: str, message: Callable[[int], Posted], time: int | None = 0) -> int:
        """Send news of this time, 0 for now; the time that it counts as: that of the arrival for one in the future."""
        at = self.world.later() if time == 0 else time
        self.world.post(message(now_ms() + HOUR if at is None else at))
        at = self.world.arrived() if at is None else at
        self._last[human] = max(at, self._last.get(human, 0))
        return at

    def _told(self, person: str, time: int | None, step: Tell | Move) -> dict[str, Any]:
        """A tag and perhaps a phone; late news has neither, for where its attributes go depends on the batch."""
        if self._late(step.human, time):
            self.model.tag.setdefault(person, "")
            return {}
        if step.phone:
            self.model.phones[person].append(PHONE)
        return {"tag": self._tag(person)} | ({"phone": PHONE} if step.phone else {})

    def _tag(self, person: str) -> str:
        self.model.tag[person] = f"{person}#{next(self._tags)}"
        return self.model.tag[person]

    def _deliver_ids(self) -> None:
        """Whether an id is known afterwards that came with somebody who left in the same batch is open."""
        if self._fresh:
            self.deliver()

    def deliver(self, dies_at: int = 0) -> bool:
        """Everything is delivered to its end, and at every step nobody has what is somebody else's.

        True: a process died at a request of that number, and another one went on.
        """
        self._fresh = False
        try:
            died = self._push_and_die(dies_at) if self.mortal and dies_at else False
            self._push()
            nothing(differences(self.model, self.world))
        except Exception as fault:
            fault.add_note("\n".join(["after", *self._told_so_far]))
            raise
        return died

    def _push_and_die(self, dies_at: int) -> bool:
        assert self.mortal
        self.mortal.kill_at(dies_at, "after")
        with suppress(Died):
            self._push()
        return self.mortal.revive()

    def _push(self) -> None:
        for _ in range(ROUNDS):
            left = self.world.push()
            nothing(stolen(self.world))
            if not left:
                break


def _by_mparticle(step: Move, person: str, at: int, told: dict[str, Any]) -> Posted:
    customer = own_id(step.human) if step.known_as == "own" else step.known_as
    known = told | ({"customer": customer} if customer else {})
    return member(person, MOVERS[step.human], "add" if step.joins else "delete", at, **known)


def _by_segment(step: Move, person: str, at: int, told: dict[str, Any]) -> Posted:
    """Segment has no other id of a user; it tells of the event, too, and so of an address that only leaves."""
    properties = {"properties": {name: value for name, value in told.items() if name != "phone"}}
    traits = {"email": person, **({"phone": told["phone"]} if "phone" in told else {})}
    more: dict[str, Any] = {"at": at, "audience": str(AUDIENCE), "properties": properties, "traits": traits}
    return entered(MOVERS[step.human], person, "mp", exited=not step.joins, **more)


def nothing(wrong: list[str]) -> None:
    """Nothing is wrong."""
    assert not wrong, "\n".join(wrong)
