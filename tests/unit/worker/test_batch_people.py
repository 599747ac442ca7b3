"""What a change says is worked out once; whatever earlier batches say of it counts from the moment it is known."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from identity.holding import ChangeIdentity
from identity.identifiers import EMAIL, STRENGTH, Named
from identity.sending import Policy
from queues.change import Action, Body, Change, person_key
from worker.people.batch_people import People
from worker.progress import BatchFacts

ADDRESSES = ("a@example.com", "b@example.com")
FIELDS = {"email": ADDRESSES, "phone": ("+14155552671", "+14155552672"), "external_id": ("c-1", "c-2")}
NAMED: list[Named] = [(kind, value) for kind, values in FIELDS.items() for value in values]
SOME = 4
INDEXES = st.integers(0, SOME - 1)
ACTIONS: tuple[Action, ...] = ("add", "remove", "update")


@st.composite
def a_change(draw: st.DrawFn) -> Change:
    person = {kind: draw(st.sampled_from(values)) for kind, values in FIELDS.items() if draw(st.booleans())}
    body = Body(draw(st.sampled_from(ACTIONS)), draw(st.integers(1, 3)), "changes", "m", raw(person))
    return Change((person_key("n", "1"),), 0, body)


def raw(person: dict[str, str]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(person))


CHANGES = st.lists(a_change(), min_size=SOME, max_size=SOME)
FACTS = st.builds(
    BatchFacts,
    late=st.sets(INDEXES),
    spared=st.dictionaries(INDEXES, st.lists(st.sampled_from(NAMED), min_size=1)),
    shared=st.sets(st.sampled_from(NAMED[2:])),
    misaddressed=st.sets(INDEXES),
    addressed=st.dictionaries(INDEXES, st.just("new@example.com")),
)
POLICIES = st.sampled_from([Policy(), Policy(email_change="move"), Policy(email_change="keep")])


def spelled_out(people: People, index: int) -> ChangeIdentity:
    """What a change says by these facts, each part by its own rule."""
    facts, body, who = people.facts, people.changes[index].body, people.who(index)
    spared = frozenset(facts.spared.get(index, ()))
    moving = people.policy.moving(who, body.source)
    return ChangeIdentity(who, body.action, body.at, index in facts.late, moving, False, spared)


@given(changes=CHANGES, facts=FACTS, policy=POLICIES)
def test_facts_of_earlier_batches_count_after_the_same_changes_were_read_without_them(
    changes: list[Change], facts: BatchFacts, policy: Policy
) -> None:
    without = People(changes, policy=policy)
    plain = [*without.all_said]
    told = without.with_facts(facts)
    assert told.all_said == [spelled_out(told, index) for index in range(SOME)]
    assert told.all_said == People(changes, policy=policy, facts=facts).all_said
    assert told.with_facts(BatchFacts()).all_said == plain, "facts stay with those who were told them"


@given(changes=CHANGES, facts=FACTS)
def test_each_identifier_of_a_persons_changes_is_named_once_and_the_strongest_first(
    changes: list[Change], facts: BatchFacts
) -> None:
    people = People(changes, facts=facts)
    for indexes in ([], [0], [0, 1], [*range(SOME)]):
        found = people.named(indexes)
        assert len(found) == len({*found})
        assert {*found} == {each for index in indexes for each in people.who(index).named}
        assert found == sorted(found, key=lambda each: STRENGTH.index(each[0]))


def test_an_address_found_by_an_earlier_batch_names_the_person() -> None:
    change = Change((person_key("n", "1"),), 0, Body("update", 1, "changes", "m", raw({"external_id": "c-1"})))
    people = People([change])
    assert people.all_said[0].who.email == ""
    assert people.with_facts(BatchFacts(addressed={0: ADDRESSES[0]})).named([0])[0] == (EMAIL, ADDRESSES[0])
