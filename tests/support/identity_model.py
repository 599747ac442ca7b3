"""A plain model of who is who, in which e-mail decides: what people are told, and what must be at Klaviyo then.

The rules, in words. Somebody with addresses is one person for each address. Joining puts the address on the list,
leaving takes it off. News that is older than the newest membership of the same human changes nothing. A mover, a user
of mParticle or Segment, is under one address at a time: entering under one ends the others, leaving under any ends all.
An id alone stands for the addresses that were told with it. Somebody without an address is one person for each id. An
erasure takes one address away with all that was known of it. Every piece of news carries a tag that names its person.

Movers may also enter under addresses that they exchange: such a one is on the list while one of them is there under it.
An id or phone stands for those who have it as the newest of its kind, and for who had it only where nobody has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from tests.support.identity_seen import Seen, attributes_of, identifiers_of

DOMAIN = "canary.example"
#: By `/v1/changes`, with one address each, ids of their own, and ids and phones that they share.
PEOPLE = ("ann", "bob", "cid")
#: Two by mParticle and one by Segment, with their ids there, and with three addresses each.
MOVERS = {"mia": "4711", "max": "-4712", "sam": "u-sam"}
#: Addresses that the movers exchange, and phones that are reissued.
POOL = tuple(f"pool.{which}@{DOMAIN}" for which in range(3))
PHONES = ("+14155553000", "+14155553001")
#: Ids that are nobody's.
BLOCKED = ("0", "null")
#: Without any address.
NAMELESS = "n-1"


def address(human: str, which: int = 0) -> str:
    """One of a human's addresses; people have one."""
    return f"{human}@{DOMAIN}" if human in PEOPLE else f"{human}.{which}@{DOMAIN}"


def addresses(human: str) -> list[str]:
    """All addresses of a human."""
    return [address(human)] if human in PEOPLE else [address(human, which) for which in range(3)]


EVERYBODY = [each for human in (*PEOPLE, *MOVERS) for each in addresses(human)]


def own_id(human: str) -> str:
    """An id that nobody else has. Ids are spelled in both cases."""
    return f"Own-{human}"


@dataclass
class Model:
    """`on`: the list; `tag`: the newest of each person; `newest`: ms of the newest membership news of each human.

    `lasting`: people Klaviyo knew before, and so knows until they are erased. `ids`: everything each person was named
    with; `under`: the members that were named with an id; `unsure`: ids of somebody who was on no list, which Ferry
    may remember or not. `agreed`: who has consented; `entered`: who of the list has come by address, by
    which a consent is looked for. `now`: the newest id of each person; `phones`: every phone, the newest last. `pool`:
    the exchanged address under which a mover is on the list.
    """

    agreed: set[str] = field(default_factory=set)
    on: set[str] = field(default_factory=set)
    entered: set[str] = field(default_factory=set)
    tag: dict[str, str] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)
    under: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    unsure: set[str] = field(default_factory=set)
    lasting: set[str] = field(default_factory=set)
    ids: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    now: dict[str, str] = field(default_factory=dict)
    phones: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    pool: dict[str, str] = field(default_factory=dict)

    def join(self, human: str, person: str, at: int, by_address: bool = True) -> None:
        """A human enters the list as this person."""
        if self._late(human, at):
            return
        self._give_up(human)
        self.on.add(person)
        if person in POOL:
            self.pool[human] = person
        self.entered = self.entered | {person} if by_address else self.entered - {person}

    def leave(self, human: str, at: int) -> None:
        """A human leaves the list, under whichever name."""
        if not self._late(human, at):
            self._give_up(human)

    def _give_up(self, human: str) -> None:
        """The addresses of a human leave the list, but for one under which another mover is there."""
        given = self.pool.pop(human, "")
        self.on -= {human, *addresses(human), *({given} - {*self.pool.values()})}

    def leave_by(self, shared: str, at: int) -> None:
        """All who have an id leave the list, or who had it where nobody has it."""
        having = {person for person in self.under[shared] if self.now.get(person) == shared}
        for person in having or self.under[shared]:
            self.leave(person.partition("@")[0], at)

    def with_phone(self, phone: str) -> list[str]:
        """The people who have a phone, or who had it where nobody has it."""
        told = {person: phones for person, phones in self.phones.items() if phone in phones}
        return [person for person, phones in told.items() if phones[-1] == phone] or [*told]

    def know(self, person: str, ids: Iterable[str]) -> None:
        """The person was told of with these ids."""
        for each in ids:
            self.ids[person].add(each)
            if person in self.on:
                self.under[each].add(person)
                self.now[person] = each
            else:
                self.unsure |= {each, *(known for known, people in self.under.items() if person in people)}

    def carried(self, person: str) -> str:
        """The id that the person's profile must have: the own one, where they were told with no other before."""
        human = person.partition("@")[0]
        return own_id(human) if self.ids[person] == {own_id(human)} else ""

    def erase(self, human: str, person: str) -> None:
        """The address is forgotten."""
        self.newest.pop(human, None)
        self.tag.pop(person, None)
        self.ids.pop(person, None)
        self.now.pop(person, None)
        self.phones.pop(person, None)
        for known in (self.on, self.entered, self.agreed, self.lasting, *self.under.values()):
            known.discard(person)

    def _late(self, human: str, at: int) -> bool:
        late = at < self.newest.get(human, 0)
        self.newest[human] = max(at, self.newest.get(human, 0))
        return late


def stolen(seen: Seen) -> list[str]:
    """What no profile may ever carry, at any step: what was told of somebody else."""
    wrong = []
    for profile in list(seen.account.profiles.by_id.values()):
        person = profile.attributes.get("email") or profile.attributes.get("external_id") or profile.id
        tag, own = profile.properties.get("tag"), profile.attributes.get("external_id") or ""
        if tag and tag.partition("#")[0] != person:
            wrong.append(f"{person} has the attributes of {tag}")
        if own.startswith("Own-") and person not in addresses(own.removeprefix("Own-")):
            wrong.append(f"{person} has the id {own}")
        if own in BLOCKED:
            wrong.append(f"{person} has the id {own}, which is nobody's")
        if profile.secondary_emails:
            wrong.append(f"{person} was merged with {profile.secondary_emails}")
    return wrong


def differences(model: Model, seen: Seen) -> list[str]:
    """What is otherwise at Klaviyo and in the ledger than the model has it, when nothing waits and nothing is open."""
    members, everybody = seen.members(), seen.everybody()
    wrong = [*stolen(seen), *seen.unbalanced()]
    known_people = {identifiers_of(profile).get("email", "") for profile in everybody}
    wrong += [f"{person} is not known any more" for person in sorted(model.lasting - known_people)]
    wrong += [f"{person} is missing on the list" for person in sorted(model.on - members)]
    wrong += [f"{person} is on the list" for person in sorted(members - model.on)]
    wrong += [f"{letter.queue}: {letter.reason} {letter.detail}" for letter in seen.letters()]
    for profile in everybody:
        known = identifiers_of(profile)
        person = known.get("email") or known.get("external_id", "")
        wrong += _person(model, person, attributes_of(profile).get("tag"), _consent(profile))
        if model.carried(person) not in ("", known.get("external_id")):
            wrong.append(f"{person} has lost an id")
    return wrong


def _person(model: Model, person: str, tag: str | None, subscribed: bool) -> Collection[str]:
    if person not in model.tag:
        return [f"Klaviyo knows {person}, and nobody has named them"]
    if subscribed and person not in model.agreed:
        return [f"{person} is subscribed and has not agreed"]
    if person in model.agreed & model.on & model.entered and not subscribed:
        return [f"{person} has agreed and is not subscribed"]
    if person in model.on and tag != model.tag[person]:
        return [f"{person} has {tag}, not {model.tag[person]}"]
    return []


def _consent(profile: dict[str, dict[str, dict[str, dict[str, str]]]]) -> bool:
    return profile["subscriptions"]["email"]["marketing"]["consent"] == "SUBSCRIBED"
