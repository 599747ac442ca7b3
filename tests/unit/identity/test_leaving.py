"""Who is meant by ids alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from identity.identifiers import Identifiers, Named, made
from identity.leaving import ids_of, meant

EXTERNAL, USER, PHONE = ("external_id", "c-1"), ("user_id", "u-1"), ("phone", "+14155552671")
NOTHING: frozenset[Named] = frozenset()


def who(*named: Named) -> Identifiers:
    return made(named)


def test_a_phone_or_a_device_is_no_id() -> None:
    assert ids_of(who(PHONE, ("anonymous_id", "d-1"), USER, EXTERNAL)) == (EXTERNAL, USER)


def test_the_first_id_that_anybody_has_decides() -> None:
    having = {EXTERNAL: [("ann", 1)], USER: [("bob", 2)]}
    assert meant([EXTERNAL, USER], having, NOTHING) == ["ann"]
    assert meant([EXTERNAL, USER], {USER: having[USER], EXTERNAL: []}, NOTHING) == ["bob"]


def test_an_id_that_has_one_address_at_a_time_has_the_newest_and_of_one_moment_the_last() -> None:
    people = [("ann", 1), ("bob", 3), ("cid", 3), ("dan", 2)]
    assert meant([USER], {USER: people}, frozenset({USER})) == ["cid"]
    assert meant([USER], {USER: people}, NOTHING) == ["ann", "bob", "cid", "dan"]


PEOPLE = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 5)), max_size=6)


@given(PEOPLE, PEOPLE, st.booleans())
def test_whoever_is_meant_has_one_of_the_ids_and_is_named_once(
    external: list[tuple[str, int]], user: list[tuple[str, int]], moves: bool
) -> None:
    found = meant([EXTERNAL, USER], {EXTERNAL: external, USER: user}, frozenset({USER} if moves else ()))
    assert len(found) == len(set(found))
    deciding = external or user
    if moves and deciding is user:
        assert found == ([] if not user else [max(enumerate(user), key=lambda each: (each[1][1], each[0]))[1][0]])
    else:
        assert set(found) == {person for person, _ in deciding}
