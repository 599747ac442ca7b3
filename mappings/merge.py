"""Several changes of one person, coalesced into one."""

from __future__ import annotations

from collections.abc import Sequence

from mappings.person import Identity, Person


def merge(people: Sequence[Person]) -> Person:
    """One person out of at least one, given oldest to newest.

    Of each type of identity those of the newest change that has one: a change that leaves an identifier out does not
    forget it. All attributes count, later over earlier.
    """
    if len(people) == 1:
        return people[0]
    by_type: dict[str, list[Identity]] = {}
    for person in people:
        by_type |= _by_type(person)
    return Person(
        identities=tuple(each for identities in by_type.values() for each in identities),
        attributes=tuple(attribute for person in people for attribute in person.attributes),
        klaviyo_names=people[-1].klaviyo_names,
    )


def _by_type(person: Person) -> dict[str, list[Identity]]:
    found: dict[str, list[Identity]] = {}
    for identity in person.identities:
        found.setdefault(identity.type, []).append(identity)
    return found
