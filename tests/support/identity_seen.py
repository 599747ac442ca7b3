"""What one sees of people: what the ledger counts, and what Klaviyo knows."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, cast

from redis import Redis

from emulator.control_account import AccountControl
from emulator.world import World as Account
from queues import dead_letters, holds, keys, metrics, pending
from queues.dead_letters import DeadLetter
from queues.names import Queue
from tests.support.emulator_api import Api
from tests.support.identity_messages import VIPS

_IDENTIFIERS = ("email", "phone_number", "external_id")
_ENDS = ("open", "delivered", "imported", "dead", "superseded")
#: What the emulator tells of a profile besides its attributes.
_BESIDE = {"anonymous_id", "id", "lists", "location", "pending", "properties", "secondary_emails", "subscriptions"}


class Seen:
    """A ledger and an account. `klaviyo`: the emulator's caller.

    `account`: Klaviyo from within, to be touched between requests only.
    """

    def __init__(self, redis: Redis, klaviyo: Api, account: Account) -> None:
        self.redis, self.klaviyo, self.account = redis, klaviyo, account
        self.ahead = 0.0
        account.now = lambda: time.time() + self.ahead

    def pass_at_klaviyo(self, seconds: float) -> None:
        """So much time passes there, and what is due by then is carried out."""
        self.ahead += seconds
        self.account.catch_up()

    # What the ledger says.

    def queues(self) -> list[Queue]:
        """Every queue that there was a change for."""
        return pending.all_queues(self.redis)

    def waiting(self, queue: Queue) -> int:
        """Changes of a queue that are not taken."""
        return self.redis.llen(keys.queue(queue, "pending"))

    def not_taken(self) -> list[Queue]:
        """The queues with changes that are not taken."""
        queues = self.queues()
        with self.redis.pipeline(transaction=False) as pipe:
            for queue in queues:
                pipe.llen(keys.queue(queue, "pending"))
            return [queue for queue, waiting in zip(queues, pipe.execute(), strict=True) if waiting]

    def counts(self, kind: str = "") -> Counter[str]:
        """Changes by how they ended, of all queues or those of a kind; `accepted`, `pending` and `open` besides."""
        found: Counter[str] = Counter()
        for queue in self.queues():
            if kind in ("", queue.kind):
                found += self._counted(queue)
        return found

    def _counted(self, queue: Queue) -> Counter[str]:
        names = ("accepted", *_ENDS)
        told = self.redis.hmget(keys.queue(queue), *names)
        found = {name: int(value or 0) for name, value in zip(names, told, strict=True)}
        return Counter({**found, "pending": self.waiting(queue)})

    def unbalanced(self) -> list[str]:
        """The queues of which accepted = pending + open + delivered + imported + dead + superseded does not hold."""
        told = {str(queue): self._counted(queue) for queue in self.queues()}
        wrong = {name: found for name, found in told.items() if found["accepted"] * 2 != found.total()}
        return [f"{name}: {dict(found)}" for name, found in wrong.items()]

    def letters(self) -> list[DeadLetter]:
        """The dead letters of all queues."""
        return [letter for queue in self.queues() for letter in dead_letters.read(self.redis, queue)]

    def reasons(self) -> Counter[str]:
        """How many dead letters there are of each reason."""
        return Counter(letter.reason for letter in self.letters())

    def warned(self) -> Counter[str]:
        """People who were delivered without something, or otherwise than they might think, by its code."""
        told = [self.redis.hgetall(keys.queue(queue, "warnings")) for queue in self.queues()]
        found: Counter[str] = Counter()
        for each in told:
            found.update({code.decode(): int(people) for code, people in cast("dict[bytes, bytes]", each).items()})
        clamped = (count for labels, count in metrics.read(self.redis).items() if labels[0] == metrics.CLAMPED)
        return found + Counter(time_clamped=sum(clamped))

    def held(self) -> dict[str, str]:
        """Why which queue is held, its connection's hold included."""
        found = {str(queue): holds.of_queue(self.redis, queue) for queue in self.queues()}
        return {name: hold.reason for name, hold in found.items() if hold}

    # What Klaviyo says.

    def put(self, *lists: str, **attributes: Any) -> str:
        """Somebody Klaviyo knows from elsewhere, on these lists; the profile's id."""
        profile_id = self.klaviyo.make_profile(**attributes)
        for name in lists:
            named = self.account.lists.named(name)
            list_id = named[0].id if named else self.klaviyo.make_list(name, opt_in_process="single_opt_in")
            self.account.lists.join(self.account.lists.by_id[list_id], [profile_id], self.account.now())
        return profile_id

    def members(self, name: str = VIPS) -> set[str]:
        """Who is on the lists of that name, by e-mail, else phone, else external id; nobody where there is none."""
        return set(self.klaviyo.members(name)) if self.account.lists.named(name) else set()

    def everybody(self) -> list[dict[str, Any]]:
        """All profiles."""
        self.pass_at_klaviyo(0)
        shown = AccountControl(self.account)
        return [shown.described(profile) for profile in self.account.profiles.by_id.values()]

    def person(self, known_as: str) -> dict[str, Any]:
        """The profile that has this identifier, which must exist."""
        found = self.klaviyo.person(known_as)
        assert found is not None, f"Klaviyo does not know {known_as}"
        return found

    def gone(self, known_as: str) -> bool:
        """Whether no profile has this identifier."""
        self.pass_at_klaviyo(0)
        return self.klaviyo.person(known_as) is None

    def attributes(self, known_as: str) -> dict[str, Any]:
        """Every attribute that is set of that profile, custom ones and those of the location with the others."""
        return attributes_of(self.person(known_as))

    def identifiers(self, known_as: str) -> dict[str, str]:
        """The identifiers that the profile has: email, phone_number, external_id."""
        return identifiers_of(self.person(known_as))

    def has(self, field: str, value: str) -> list[str]:
        """The e-mails, or ids, of the profiles that carry this value."""
        return [person.get("email") or person["id"] for person in self.everybody() if person.get(field) == value]

    def events(self) -> list[tuple[str, str]]:
        """Metric, and by the best identifier whose, of every event."""
        found = self.klaviyo.events(full="1")
        return [(event["metric"], event["profile"]) for event in found]


def attributes_of(person: dict[str, Any]) -> dict[str, Any]:
    """As `Seen.attributes`, of a profile that was read."""
    own = {name: value for name, value in person.items() if name not in {*_BESIDE, *_IDENTIFIERS}}
    found = own | (person["location"] or {}) | (person["properties"] or {})
    return {name: value for name, value in found.items() if value not in (None, "", {}, [])}


def identifiers_of(person: dict[str, Any]) -> dict[str, str]:
    """The identifiers of a profile that was read."""
    return {name: person[name] for name in _IDENTIFIERS if person.get(name)}
