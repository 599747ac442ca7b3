"""Files of random columns about a few people with several identifiers: the list is the people of the last file."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from emulator.clashes import Clash
from tests.support.identity_world import CLASHES, IdentityWorld
from tests.support.listed import Listed, Person

COLUMNS = ("email", "external_id", "phone")
PEOPLE = range(4)


def person(number: int, columns: frozenset[str]) -> Person:
    """A row of somebody; everybody has all identifiers."""
    known = {"email": f"p{number}@example.com", "external_id": f"Own-{number}", "phone": f"+1415555267{number}"}
    return {name: value for name, value in known.items() if name in columns}


class File(NamedTuple):
    """Somebody may have several rows, with other cells empty."""

    rows: tuple[tuple[int, frozenset[str]], ...]


_columns = st.sets(st.sampled_from(COLUMNS), min_size=1).map(frozenset)
_files = st.one_of(
    st.builds(
        lambda people, columns: File(tuple((number, columns) for number in sorted(people))),
        st.sets(st.sampled_from(PEOPLE)),
        _columns,
    ),
    st.lists(st.tuples(st.sampled_from(PEOPLE), _columns), max_size=5).map(lambda rows: File(tuple(rows))),
)
BOTH, BY_ID, BY_PHONE = frozenset({"email", "external_id"}), frozenset({"external_id"}), frozenset({"phone"})


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    files=st.lists(_files, min_size=1, max_size=5),
    before=st.dictionaries(st.sampled_from(PEOPLE), _columns),
    clash=st.sampled_from(CLASHES),
    full=st.booleans(),
)
@example(
    files=[File(((0, BOTH), (1, BOTH))), File(((0, BY_ID), (1, BY_ID))), File(((0, BY_ID),))],
    before={},
    clash="refuse",
    full=True,
)
@example(
    files=[File(((0, BY_PHONE),)), File(((0, BOTH | BY_PHONE),)), File(((0, BOTH),))],
    before={0: BOTH},
    clash="merge",
    full=True,
)
def test_the_list_is_the_people_of_the_file_and_no_profile_is_both_added_and_taken_off(
    served_identity: IdentityWorld, files: list[File], before: dict[int, frozenset[str]], clash: Clash, full: bool
) -> None:
    note(f"{files} {before}")
    served_identity.empty(clash)
    # Klaviyo knows some people, by some of their identifiers.
    for number, columns in before.items():
        known = dict(person(number, columns))
        phone = known.pop("phone", None)
        served_identity.put(**known, **({"phone_number": phone} if phone else {}))
    listed = Listed(served_identity, full=full)
    for file in files:
        listed.sync(*(person(number, columns) for number, columns in file.rows))
        assert humans(listed) == {number for number, _ in file.rows}
        assert served_identity.reasons() == {}
        counts = listed.counts()
        assert counts.people == counts.adds + counts.updates + counts.unchanged + counts.newer
    assert served_identity.unbalanced() == []


def humans(listed: Listed) -> set[int]:
    """Whose profiles are on the list."""
    found = [set(listed.who.identifiers(profile_id).values()) for profile_id in listed.profiles()]
    return {number for known in found for number in PEOPLE if known & {*person(number, frozenset(COLUMNS)).values()}}
