"""Coalescing: what several changes of one person come to."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.holding import Before, ChangeIdentity
from identity.identifiers import Named, made
from identity.persons import coalesce

Kind = Literal["email", "external_id", "mpid", "phone"]
ANN: tuple[Named, ...] = (("email", "ann@x.com"),)
BOB: tuple[Named, ...] = (("email", "bob@x.com"),)
ID: Named = ("external_id", "c-1")
MPID: Named = ("mpid", "7")
PHONE: Named = ("phone", "+14155552671")


def said(action: str, *named: Named, at: int = 0, late: bool = False) -> ChangeIdentity:
    who = made(named or ANN)
    return ChangeIdentity(who, action, at, late, frozenset(each for each in who.named if each[0] == "mpid"))


@pytest.mark.parametrize(
    ("actions", "membership", "written"),
    [
        (["add"], "add", [0]),
        (["remove"], "remove", []),
        (["update"], None, [0]),
        (["add", "remove"], "remove", []),
        (["remove", "add"], "add", [1]),
        # an attribute change after joining must not undo the joining
        (["add", "update"], "add", [0, 1]),
        (["update", "add"], "add", [0, 1]),
        # attributes of somebody who left are not written, unless they came later
        (["update", "remove"], "remove", []),
        (["remove", "update"], "remove", [1]),
        (["add", "remove", "add"], "add", [2]),
        (["update", "update"], None, [0, 1]),
    ],
)
def test_the_newest_membership_wins_and_attributes_since_the_last_removal_are_kept(
    actions: list[str], membership: Literal["add", "remove"] | None, written: list[int]
) -> None:
    (intent,) = coalesce([said(action, at=i) for i, action in enumerate(actions)])
    assert (intent.membership, intent.written) == (membership, written)
    assert intent.last == len(actions) - 1


def test_the_cdps_timestamp_counts_before_the_order_of_arrival() -> None:
    (intent,) = coalesce([said("remove", at=2), said("add", at=1)])
    assert intent.membership == "remove"
    assert intent.last == 0


def test_of_equal_timestamps_the_later_arrival_wins() -> None:
    (intent,) = coalesce([said("add", at=1), said("remove", at=1)])
    assert intent.membership == "remove"


def test_a_late_change_decides_no_membership_and_its_attributes_go_beneath_newer_ones() -> None:
    (intent,) = coalesce([said("add", at=5), said("add", at=1, late=True), said("remove", at=2, late=True)])
    assert (intent.membership, intent.written) == ("add", [1, 0])


def test_two_e_mails_are_two_people_whatever_they_share() -> None:
    changes = [said("add", *ANN, ID, PHONE), said("add", *BOB, ID, PHONE, at=1)]
    assert [intent.indexes for intent in coalesce(changes)] == [[0], [1]]


def test_a_change_without_an_e_mail_is_of_the_one_person_who_has_its_id() -> None:
    changes = [said("add", *ANN, ID), said("update", ID, at=1)]
    assert [intent.indexes for intent in coalesce(changes)] == [[0, 1]]


def test_an_update_by_an_id_of_two_e_mails_is_ambiguous_and_a_removal_takes_off_both() -> None:
    update, remove = said("update", ID, at=2), said("remove", ID, at=2)
    both = [said("add", *ANN, ID), said("add", *BOB, ID, at=1)]
    assert [(each.indexes, each.ambiguous) for each in coalesce([*both, update])] == [
        ([0], False),
        ([1], False),
        ([2], True),
    ]
    assert [(each.indexes, each.membership) for each in coalesce([*both, remove])] == [
        ([0], "remove"),
        ([1], "remove"),
        ([2], "remove"),
    ]


def test_an_id_that_stands_for_somebody_of_an_earlier_batch_too_is_ambiguous() -> None:
    changes = [said("add", *ANN, ID), said("update", ID, at=1)]
    assert [each.ambiguous for each in coalesce(changes, Before({ID: [("known", "x")]}))] == [False, True]
    assert [each.ambiguous for each in coalesce(changes, Before({ID: [("email", "ann@x.com")]}))] == [False]


def test_a_phone_joins_nobody_to_a_person_who_has_an_id() -> None:
    changes = [said("add", ID, PHONE), said("add", ("external_id", "c-2"), PHONE), said("update", PHONE)]
    assert [(each.indexes, each.ambiguous) for each in coalesce(changes)] == [([0], False), ([1], False), ([2], True)]


def test_a_new_e_mail_of_one_mpid_takes_the_place_of_the_old_one() -> None:
    old, new = coalesce([said("add", *ANN, MPID), said("add", *BOB, MPID, at=1)])
    assert (old.membership, old.moved_to, old.written) == ("remove", [1], [])
    assert (new.membership, new.moved_to) == ("add", [])


def test_a_mailbox_of_two_users_stays_while_one_of_them_has_it() -> None:
    changes = [said("add", *ANN, MPID), said("add", *ANN, ("mpid", "8"), at=1), said("add", *BOB, MPID, at=2)]
    assert [each.membership for each in coalesce(changes)] == ["add", "add"]


def test_who_leaves_by_an_mpid_leaves_under_every_e_mail_of_it() -> None:
    changes = [said("add", *ANN, MPID), said("remove", *BOB, MPID, at=1)]
    assert [each.membership for each in coalesce(changes)] == ["remove", "remove"]


def test_a_removal_of_an_unknown_e_mail_takes_off_who_has_its_id() -> None:
    changes = [said("add", *ANN, ID), said("remove", *BOB, ID, at=1)]
    assert [each.membership for each in coalesce(changes)] == ["add", "remove"]
    assert [each.membership for each in coalesce(changes, strangers={1: []})] == ["remove", "remove"]


NAMED: st.SearchStrategy[Named] = st.tuples(
    st.sampled_from(["email", "external_id", "mpid", "phone"]), st.sampled_from(["+14155552671", "b@x.com", "c"])
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "remove", "update"]), st.sets(NAMED, max_size=3), st.integers(0, 5), st.booleans()
        ),
        max_size=30,
    )
)
def test_every_change_belongs_to_one_person_and_no_person_has_two_e_mails(
    drawn: list[tuple[str, set[Named], int, bool]],
) -> None:
    changes = [
        ChangeIdentity(
            who := made(sorted(named)), action, at, late, frozenset(each for each in who.named if each[0] == "mpid")
        )
        for action, named, at, late in drawn
    ]
    intents = coalesce(changes)
    assert sorted(i for intent in intents for i in intent.indexes) == list(range(len(changes)))
    for intent in intents:
        assert len({changes[i].who.email for i in intent.indexes} - {""}) <= 1
        assert set(intent.written) <= {*intent.indexes}


def test_an_id_of_an_earlier_batch_leads_to_its_e_mail_in_this_one() -> None:
    changes = [said("remove", *ANN), said("add", ID, at=1)]
    (intent,) = coalesce(changes, Before({ID: ANN}))
    assert (intent.membership, intent.written) == ("add", [1])


def test_several_changes_by_an_id_of_somebody_who_is_not_in_the_batch_are_one_person() -> None:
    changes = [said("add", ID), said("update", ID, at=1)]
    assert [intent.ambiguous for intent in coalesce(changes, Before({ID: [("known", "x")]}))] == [False]


def test_an_id_of_an_e_mail_here_and_of_another_in_an_earlier_batch_is_ambiguous() -> None:
    changes = [said("add", *ANN, ID), said("update", ID, at=1)]
    assert [intent.ambiguous for intent in coalesce(changes, Before({ID: [("known", "x")]}))] == [False, True]


def test_a_removal_by_an_id_takes_off_all_who_had_it_in_earlier_batches() -> None:
    changes = [said("add", *ANN), said("add", *BOB, at=1), said("remove", ID, at=2)]
    assert [intent.membership for intent in coalesce(changes, Before({ID: [*ANN, *BOB]}))] == ["remove"] * 3


@pytest.mark.parametrize(
    ("actions", "decisive"),
    [
        (["add", "update"], 0),
        (["add", "remove", "update", "update"], 1),
        (["update", "add", "update"], 1),
        (["update"], None),
    ],
)
def test_the_change_that_decided_the_membership_is_known_because_a_later_update_did_not(
    actions: list[str], decisive: int | None
) -> None:
    (intent,) = coalesce([said(action) for action in actions])
    assert intent.decisive == decisive
