"""The requests to Klaviyo that the changes of a snapshot need, and the minutes that they take at its limits.

The changes are divided into batches as the scheduler takes them, and each batch into requests as a worker makes them
(worker/audience/). Not forecast are the few requests that find the list and that ask whether an import is complete.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

import msgspec

from identity.identifiers import EMAIL, EXTERNAL_ID, PHONE
from identity.sending import SAMPLE, Mode, Proof
from klaviyo.endpoints import PUBLISHED
from klaviyo.lists import MAX_REMOVALS
from klaviyo.lookups import ProfileField, any_of
from ops.estimate import OURS
from queues.people.identities import Identities
from queues.people.identity_tokens import RememberedPerson, is_verified
from queues.rate_limits import SHARE
from queues.snapshots.members import identifiers
from snapshots.plan import PlannedChange
from worker.people.verifying import AT_ONCE

_Item = TypeVar("_Item")
#: Members on a page of a list (klaviyo/lookups.py).
_PAGE: Final = 100
#: The names of identifiers: Klaviyo's -> those of a fragment, and in `identity`.
_NAMES: Final[Mapping[ProfileField, tuple[str, str]]] = {
    "email": ("email", EMAIL),
    "external_id": ("external_id", EXTERNAL_ID),
    "phone_number": ("phone", PHONE),
}


@dataclass(slots=True)
class Effort:
    """The number of requests.

    `imports`: import jobs. `look_ups`: of people on the list, to prove who joined and left. `profile_look_ups`: of
    profiles by identifiers. `list_look_ups`: of the lists of one profile, for people with an external id only.
    `removals`: of up to 1,000 people from the list. `clears`: single requests, because a bulk import cannot empty a
    field. `pages`: of the list, before the comparison.
    """

    imports: int = 0
    look_ups: int = 0
    profile_look_ups: int = 0
    list_look_ups: int = 0
    removals: int = 0
    clears: int = 0
    pages: int = 0

    @property
    def minutes(self) -> float:
        """Return the minutes at the part of the published limits that Ferry uses.

        The kinds run in parallel, each with its own limit, after the list is read.
        """
        after = max(
            self.imports / OURS.steady,
            self.look_ups / _steady("get_profiles_for_list"),
            self.profile_look_ups / _steady("get_profiles"),
            self.list_look_ups / _steady("get_list_ids_for_profile"),
            self.removals / _steady("remove_profiles_from_list"),
            self.clears / _steady("create_or_update_profile"),
        )
        return after + self.pages / _steady("get_profiles_for_list")


def _steady(endpoint: str) -> float:
    """Return the requests a minute that Ferry makes at most."""
    return PUBLISHED[endpoint].less(SHARE).steady


def pages_of(listed: int) -> int:
    """Return the number of pages that a list of so many people has."""
    return max(1, math.ceil(listed / _PAGE))


@dataclass(frozen=True, slots=True)
class ForecastSettings:
    """What the number of requests depends on. `upload_max`: changes in a batch. `now`: ms."""

    upload_max: int
    prove: Proof
    identifiers: Mode
    now: int


def forecast(changes: Iterable[PlannedChange], settings: ForecastSettings, memory: Identities) -> Effort:
    """Return the requests that the changes need, without `clears` and `pages`. `changes`: in the order of the queue.

    `memory`: the remembered people, whose identifiers are not looked up again. Assumes that all people are found where
    they are expected, at the first attempt. Raises redis.RedisError.
    """
    effort, left = Effort(), iter(changes)
    while batch := list(islice(left, settings.upload_max)):
        _add(effort, batch, settings, memory)
    return effort


def _add(effort: Effort, batch: Sequence[PlannedChange], settings: ForecastSettings, memory: Identities) -> None:
    adds, updates, removals = ([each for each in batch if each.action == on] for on in ("add", "update", "remove"))
    effort.imports += bool(adds) + bool(updates)
    if settings.identifiers == "verified":
        for some in _parts(_unverified(adds + updates, settings, memory)):
            effort.profile_look_ups += sum(
                _asks(name, [each[name] for each in some if name in each]) for name in _NAMES
            )
    if settings.prove != "off":
        _look_for(effort, adds[:SAMPLE] if settings.prove == "sample" else adds, by_id=True)
    for leaving in _parts(removals):
        effort.removals += math.ceil(len(leaving) / MAX_REMOVALS)
        _look_for(effort, leaving, by_id=True)
        if settings.prove != "off":
            _look_for(effort, leaving, by_id=False)


def _look_for(effort: Effort, changes: Sequence[PlannedChange], *, by_id: bool) -> None:
    """Add the requests that find these people on the list. `by_id`: those with an external id only need a profile."""
    for some in _parts(changes):
        people = [identifiers(each.identity) for each in some]
        for name in ("email", "phone_number"):
            effort.look_ups += _asks(name, [each[name] for each in people if name in each])
        ids = [each["external_id"] for each in people if "external_id" in each]
        effort.profile_look_ups += _asks("external_id", ids) if by_id else 0
        effort.list_look_ups += len(ids)


def _unverified(
    changes: Sequence[PlannedChange], settings: ForecastSettings, memory: Identities
) -> list[dict[ProfileField, str]]:
    """Return the identifiers of the people whose second ones are not known to be theirs (worker/people/verifying)."""
    several = [found for each in changes if len(found := _identifiers(each)) > 1]
    hashes = [memory.hash(_named(*next(iter(each.items())))) for each in several]
    known = memory.people(hashes) if hashes else {}

    def is_known(given: Mapping[ProfileField, str], person: RememberedPerson) -> bool:
        others = [*given.items()][1:]
        return is_verified(person, settings.now) and all(memory.short(_named(*each)) in person.on for each in others)

    pairs = zip(several, hashes, strict=True)
    return [given for given, person in pairs if not is_known(given, known.get(person, RememberedPerson()))]


class _Identifiers(msgspec.Struct):
    email: str = ""
    external_id: str = ""
    phone: str = ""


_decode = msgspec.json.Decoder(_Identifiers).decode


def _identifiers(change: PlannedChange) -> dict[ProfileField, str]:
    """Return the identifiers that a change has, by Klaviyo's names, the strongest first."""
    found = _decode(change.fragment)
    return {name: value for name, (own, _) in _NAMES.items() if (value := getattr(found, own))}


def _named(name: ProfileField, value: str) -> tuple[str, str]:
    return _NAMES[name][1], value


def _parts(people: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    return (people[start : start + AT_ONCE] for start in range(0, len(people), AT_ONCE))


def _asks(field: ProfileField, values: Sequence[str]) -> int:
    return sum(1 for _ in any_of(field, values))
