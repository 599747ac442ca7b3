"""A new address in several audiences, and profiles that somebody has renamed or given away in Klaviyo meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.identity_messages import (
    BATCHES,
    VIPS,
    Posted,
    add,
    dsr,
    identify,
    identities,
    member,
    mparticle,
    remove,
    segment,
)
from tests.support.identity_world import IdentityWorld

ANN, BOB, CID, DOT = (f"{name}@example.com" for name in ("ann", "bob", "cid", "dot"))
SECOND = "Second"
Say = Callable[..., Posted]


def by_segment(user: str, email: str, name: str, exited: bool = False) -> Posted:
    about = {"computation_class": "audience", "computation_key": name, "computation_id": f"aud_{name}"}
    event = "Audience Exited" if exited else "Audience Entered"
    return segment("track", userId=user, traits={"email": email}, event=event, context={"personas": about})


def by_mparticle(mpid: str, email: str, name: str, exited: bool = False) -> Posted:
    action = "delete" if exited else "add"
    entry = {"audience_id": 456 if name == VIPS else 457, "audience_name": name, "action": action}
    told = {"mpid": mpid, "user_identities": identities(email), "audiences": [entry | {"user_attributes": []}]}
    return mparticle("audience_membership_change", user_profiles=[told])


SAY = pytest.mark.parametrize("say", [by_segment, by_mparticle])


def edit(who: IdentityWorld, known_as: str, **attributes: Any) -> None:
    """Somebody edits a profile in Klaviyo."""
    profile_id = who.person(known_as)["id"]
    body = {"data": {"type": "profile", "id": profile_id, "attributes": attributes}}
    assert who.klaviyo.call("PATCH", f"/api/profiles/{profile_id}", json=body).status_code == 200


@SAY
@BATCHES
def test_a_new_address_replaces_the_old_one_in_each_audience(who: IdentityWorld, together: bool, say: Say) -> None:
    who.send(say("7", ANN, VIPS), say("7", ANN, SECOND))
    who.carry(together, say("7", BOB, VIPS), say("7", BOB, SECOND))
    assert (who.members(), who.members(SECOND)) == ({BOB}, {BOB})


@SAY
def test_who_has_a_new_address_in_one_audience_leaves_the_other_under_the_old_one(who: IdentityWorld, say: Say) -> None:
    who.send(say("7", ANN, VIPS), say("7", ANN, SECOND))
    who.carry(False, say("7", BOB, VIPS), say("7", BOB, SECOND, exited=True))
    assert (who.members(), who.members(SECOND)) == ({BOB}, set())


def test_an_erasure_by_mpid_reaches_the_old_address_or_asks(who: IdentityWorld) -> None:
    who.send(by_mparticle("7", ANN, VIPS), by_mparticle("7", ANN, SECOND))
    who.send(by_mparticle("7", BOB, VIPS))
    who.send(dsr(mpid="7"))
    assert (who.gone(ANN) and who.gone(BOB)) or who.reasons() == {"erasure_needs_a_look": 1}


@SAY
def test_who_was_renamed_in_klaviyo_before_the_cdp_tells_it_stays(who: IdentityWorld, say: Say) -> None:
    who.send(say("1", ANN, VIPS), say("3", CID, VIPS))
    edit(who, ANN, email=BOB)
    who.send(say("1", BOB, VIPS))
    assert who.members() == {BOB, CID}


def test_a_member_whose_profile_was_another_ones_is_not_moved_off_for_them(who: IdentityWorld) -> None:
    who.send(member(ANN, "1"), member(CID, "3"))
    edit(who, ANN, email=BOB)
    who.send(member(BOB, "2"))
    who.send(member(DOT, "1"))
    assert who.members() == {BOB, CID, DOT}


def test_nor_removed_for_the_one_who_had_it_before(who: IdentityWorld) -> None:
    who.send(add(ANN, "c1"), add(CID))
    edit(who, ANN, email=BOB)
    who.send(add(BOB, "c5"))
    who.send(remove(ANN, "c1"))
    assert who.members() == {BOB, CID}


def test_nor_erased_for_an_id_that_was_moved_to_them_by_hand(who: IdentityWorld) -> None:
    who.send(identify("u1", email=ANN), identify("u2", email=BOB))
    edit(who, ANN, external_id="zz")
    edit(who, BOB, external_id="u1")
    who.send(segment("delete", userId="u1"))
    assert not who.gone(BOB)
    assert who.reasons() == {"erasure_needs_a_look": 1}


def test_nor_for_an_id_that_their_profile_had_before(who: IdentityWorld) -> None:
    who.send(add(ANN, "c1"))
    edit(who, ANN, email=BOB)
    who.send(add(BOB, "c9"))
    who.send(segment("delete", userId="c1"))
    assert not who.gone(BOB)
