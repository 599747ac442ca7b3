"""Several changes of one person, coalesced into one."""

from __future__ import annotations

from collections.abc import Sequence

from mappings.person import Person


def merge(people: Sequence[Person]) -> Person:
    """One person out of at least one, given oldest to newest.

    The identities are those of the newest, because a CDP sends all it knows each time; attributes are sent piecemeal,
    so all of them count, later over earlier.
    """
    if len(people) == 1:
        return people[0]
    return Person(
        identities=people[-1].identities,
        attributes=tuple(attribute for person in people for attribute in person.attributes),
        klaviyo_names=people[-1].klaviyo_names,
    )
