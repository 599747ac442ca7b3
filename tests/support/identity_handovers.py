"""Sequences of messages about people who hand on values, with the end that docs/identity.md says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from tests.support.identity_messages import (
    AUDIENCE,
    VIPS,
    Posted,
    add,
    campaign,
    dsr,
    entered,
    identify,
    member,
    remove,
    rows,
    segment,
    snapshot,
    update,
)
from tests.support.identity_sequences import Handover, hour, leaves, replay
from tests.support.identity_world import IdentityWorld

A, B, C, MUM, DAD, WORK, HOME = (f"{name}@example.com" for name in ("a", "b", "c", "mum", "dad", "work", "home"))
P, P2, P3 = "+14155553000", "+14155553001", "+14155553002"
SECOND: Final[dict[str, Any]] = {"audience": ("90", "Second")}
#: The audience of mParticle's account, by `/v1/changes`.
MP: Final[dict[str, Any]] = {"audience": (AUDIENCE, VIPS), "connection": "mp"}
#: Another connection to the same Klaviyo account.
OTHER: Final[dict[str, Any]] = {"connection": "keeping", "audience": ("90", "Second")}


def campaign_for(**person: str) -> Posted:
    """A campaign for one person, on the list Second."""
    posted = campaign("Spring", list_name="Second")
    return replace(posted, body={**posted.body, "groups": [{"name": "A", "members": [person]}]})


SEQUENCES: Final[dict[str, Handover]] = {
    # The newest value counts: mum has P again, and dad has had another one before.
    "a phone comes back to its first owner": Handover(
        [
            add(MUM, phone=P),
            update(MUM, phone=P2),
            add(DAD, phone=P),
            update(DAD, phone=P3),
            update(MUM, phone=P),
            remove(phone=P),
        ],
        {DAD},
    ),
    # B's second statement is older than B's newest value, so x-1 is C's alone.
    "an id goes through three people and the second one's last word comes late": Handover(
        [
            hour(1, add(A, "x-1")),
            hour(3, update(A, "x-9")),
            hour(4, add(B, "x-1")),
            hour(6, update(B, "x-8")),
            hour(7, add(C, "x-1")),
            hour(5, update(B, "x-1")),
            hour(8, remove(external_id="x-1")),
        ],
        {A, B},
    ),
    # A time in the future counts as the time of arrival, so A's second id is the newer one.
    "an id of the future is given up and handed on": Handover(
        [hour(48, add(A, "x-1")), update(A, "x-2"), add(B, "x-1"), remove(external_id="x-1")], {A}
    ),
    # So does a time before 2015.
    "an id of long ago replaces the newest one": Handover(
        [add(A, "x-1"), update(A, "x-2", at="2014-01-01T00:00:00Z"), add(B, "x-1"), remove(external_id="x-1")], {A}
    ),
    # 2 left before 1 moved, so nobody is at A any more; it does not matter that this is known later.
    "the second user of a mailbox has left before the first one moved": Handover(
        [
            hour(1, member(A, "1")),
            hour(1, member(A, "2")),
            hour(4, member(B, "1")),
            hour(3, member(None, "2", "delete")),
        ],
        {B},
    ),
    # What is remembered is remembered for each connection: for this one P is mum's.
    "a phone is handed on in another connection to the account": Handover(
        [add(MUM, phone=P), add(MUM, phone=P2, **OTHER), add(DAD, phone=P, **OTHER), remove(phone=P)], set(), {MUM, DAD}
    ),
    # Without full_profile only the e-mail of a row is remembered, so x-1 finds B alone.
    "an id of a snapshot's row is handed on by a single change": Handover(
        [snapshot(f"email,external_id\n{A},x-1\n"), add(B, "x-1"), remove(external_id="x-1")], {A}, alone=True
    ),
    # The second snapshot gives P to dad; the third one brings back who was taken off before it.
    "full snapshots hand on a phone and a single change takes its owner off": Handover(
        [
            rows([{"email": MUM, "phone_number": P}], connection="full"),
            rows([{"email": MUM, "phone_number": P2}, {"email": DAD, "phone_number": P}], connection="full"),
            remove(phone=P, connection="full"),
        ],
        {MUM},
        alone=True,
    ),
    "a later snapshot brings back who was taken off by a phone": Handover(
        [
            rows([{"email": MUM, "phone_number": P}], connection="full"),
            remove(phone=P, connection="full"),
            rows([{"email": MUM, "phone_number": P2}, {"email": DAD, "phone_number": P}], connection="full"),
        ],
        {MUM, DAD},
        alone=True,
    ),
    # The letter could be A's or B's; when it is replayed, B has another id.
    "a letter about two people is replayed when the id is one person's": Handover(
        [add(A, "x-1"), add(B, "x-1"), update(external_id="x-1", plan="gold"), update(B, "x-2"), replay],
        {A, B},
        plan={A: "gold"},
        alone=True,
    ),
    # The erasure of the one who had the id before leaves the one who has it now.
    "the first owner of an id is erased and the second leaves by it": Handover(
        [
            add(A, "x-1", **MP),
            update(A, "x-2", **MP),
            add(B, "x-1", **MP),
            dsr(email=A),
            remove(external_id="x-1", **MP),
        ],
        set(),
        alone=True,
    ),
    # An erased e-mail is not a new e-mail of the one who is left with the id.
    "who is erased is taken off once more by e-mail and shared id": Handover(
        [add(WORK, "c-77", **MP), add(HOME, "c-77", **MP), dsr(email=WORK), remove(WORK, "c-77", **MP)],
        {HOME},
        alone=True,
    ),
    "who was erased comes back and leaves by e-mail and shared id": Handover(
        [
            add(WORK, "c-77", **MP),
            add(HOME, "c-77", **MP),
            dsr(email=WORK),
            add(WORK, "c-77", **MP),
            remove(WORK, "c-77", **MP),
        ],
        {HOME},
        alone=True,
    ),
    "a device of two people and one of them leaves by e-mail": Handover(
        [
            entered(None, A, anonymousId="an-1"),
            entered(None, B, anonymousId="an-1"),
            entered(None, A, anonymousId="an-1", exited=True),
        ],
        {B},
    ),
    # The e-mail of hour 4 is older than that of hour 5, which is A again.
    "a user goes to a new e-mail and back and the way there comes late": Handover(
        [hour(1, member(A, "7")), hour(3, member(B, "7")), hour(5, member(A, "7")), hour(4, member(B, "7"))], {A}
    ),
    # Of two equal times the one that arrives later is the newer one.
    "a user moves and leaves at one and the same time": Handover(
        [
            hour(3, member(A, "7")),
            hour(3, member(B, "7")),
            hour(3, member(C, "8")),
            hour(3, member(None, "7", "delete")),
        ],
        {C},
    ),
    # Nobody has x-1 any more, so it means A, who had it.
    "an id that its owner has given up still takes the owner off": Handover(
        [add(A, "x-1"), add(A, "x-2"), add(B, "x-3"), remove(external_id="x-1")], {B}
    ),
    "two people swap phones and one leaves by the new one": Handover(
        [add(MUM, phone=P), add(DAD, phone=P2), update(MUM, phone=P2), update(DAD, phone=P), remove(phone=P)], {MUM}
    ),
    # Nobody has x-2 when the plan is sent; B gets the id later.
    "an id is named before a known person gets it": Handover(
        [add(B), update(external_id="x-2", plan="gold"), update(B, "x-2")], {B}, plan={"x-2": "gold"}
    ),
    # The profile of the id alone becomes the profile of the new person who has the id.
    "an id is named before a new person comes with it": Handover(
        [update(external_id="x-2", plan="gold"), add(B, "x-2"), add(C)], {B, C}, plan={B: "gold"}
    ),
    # A phone alone may be anybody's: Klaviyo's profile of it is nobody's who comes later.
    "a phone is named before a new person comes with it": Handover(
        [update(phone=P, plan="gold"), add(B, phone=P), add(C)], {B, C}, plan={P: "gold"}
    ),
    # A had it, and B has it later.
    "an id that was given up is named before the next person gets it": Handover(
        [add(A, "x-2"), update(A, "x-3"), update(external_id="x-2", plan="gold"), add(B, "x-2")],
        {A, B},
        plan={A: "gold"},
    ),
    # Mum's old phone is no news about what she has now.
    "late news of a former phone beside its next owner": Handover(
        [hour(4, add(MUM, phone=P2)), hour(3, add(MUM, phone=P)), hour(5, add(DAD, phone=P)), hour(6, remove(phone=P))],
        {MUM},
    ),
    # The family has one customer id, and the other user has one e-mail of their own.
    "a user leaves with the customer id of a family": Handover(
        [
            member(A, "1", customer="c-7"),
            member(B, "2", customer="c-7"),
            IdentityWorld.settle,
            update(B, plan="gold", **MP),
            member(None, "1", "delete", customer="c-7"),
        ],
        {B},
        plan={B: "gold"},
    ),
    "a user leaves with the customer id that another one has now": Handover(
        [
            member(A, "1", customer="c-7"),
            member(A, "1", customer="c-8"),
            member(B, "2", customer="c-7"),
            IdentityWorld.settle,
            update(B, plan="gold", **MP),
            member(None, "1", "delete", customer="c-7"),
        ],
        {B},
        plan={B: "gold"},
    ),
    # C is unknown when its owner leaves: A leaves.
    "a person leaves under a new e-mail and comes back under it": Handover(
        [add(A, "c-1"), add(B), remove(C, "c-1"), add(C, "c-1")], {B, C}
    ),
    "a known person leaves under a new e-mail and comes back under it": Handover(
        [add(A, "c-1"), add(B), IdentityWorld.settle, remove(C, "c-1"), add(C, "c-1")], {B, C}
    ),
    # Two people have the id, so nobody knows who leaves.
    "one of two with an id leaves under a new e-mail and comes back under it": Handover(
        [add(A, "c-1"), add(B, "c-1"), IdentityWorld.settle, remove(C, "c-1"), add(C)], {A, B, C}
    ),
    # Only then does B get the id.
    "a person leaves under a new e-mail and the next one gets the id": Handover(
        [add(A, "c-1"), IdentityWorld.settle, remove(C, "c-1"), add(B, "c-1")], {B}
    ),
    "a user leaves under a new e-mail that the next user has then": Handover(
        [entered("u-1", A), IdentityWorld.settle, entered("u-1", C, exited=True), entered("u-2", C)], {C}
    ),
    "a user who has moved leaves under a new e-mail that the next user has then": Handover(
        [
            *(member(A, "1"), member(B, "1"), IdentityWorld.settle),
            *(member(C, "1", "delete"), member(C, "2")),
        ],
        {C},
    ),
    "a phone is handed on between people without an e-mail": Handover(
        [
            *(add(external_id="c-1", phone=P), update(external_id="c-1", phone=P2)),
            *(add(external_id="c-2", phone=P), remove(phone=P)),
        ],
        {P2},
    ),
    "a campaign names a reissued phone": Handover(
        [add(A, phone=P), update(A, phone=P2), add(B, phone=P), campaign_for(phone=P)], {A, B}, {B}, alone=True
    ),
    "a campaign names an id that another person has now": Handover(
        [add(A, "c-1"), add(B, "c-2"), update(A, "c-2"), update(B, "c-1"), campaign_for(external_id="c-1")],
        {A, B},
        {B},
        alone=True,
    ),
    "somebody with the phone of another leaves under a new e-mail and comes back": Handover(
        [add(A, phone=P), IdentityWorld.settle, remove(C, phone=P), add(C)], {A, C}
    ),
    # A removal is about one list.
    "an id of two people on two lists takes off the one of its list": Handover(
        [add(A, "x-1"), add(B, "x-1", **SECOND), add(C, **SECOND), remove(external_id="x-1", **SECOND)], {A}, {C}
    ),
    # The user has B now. Klaviyo shows the user's id with A, too: an operator decides about that profile.
    "a user is erased after an exchange of e-mails": Handover(
        [entered("u-1", A), entered("u-2", B), entered("u-1", B), entered("u-2", A), segment("delete", userId="u-1")],
        {A},
        reasons={"erasure_needs_a_look": 1},
        alone=True,
    ),
    # The user is at B for the event queue and at A for the list; leaving ends what the list has.
    "a user with a newer e-mail elsewhere leaves a list": Handover(
        [entered("u-1", A), entered("u-2", C), identify("u-1", email=B), leaves("u-1")], {C}
    ),
    # The last one who comes with a reissued phone has it, and each leaves by e-mail for themselves.
    "a reissued phone and removals that name e-mail and phone": Handover(
        [add(A, phone=P), update(A, phone=P2), add(B, phone=P), remove(A, phone=P), add(C, phone=P3)], {B, C}
    ),
    # The same where mum's newest phone was delivered before.
    "late news of a former phone in a later batch": Handover(
        [
            hour(4, add(MUM, phone=P2)),
            IdentityWorld.settle,
            hour(3, add(MUM, phone=P)),
            hour(5, add(DAD, phone=P)),
            hour(6, remove(phone=P)),
        ],
        {MUM},
    ),
    # A person has one phone, whichever list it was sent for.
    "a phone is given up on one list and handed on on another": Handover(
        [add(MUM, phone=P), add(MUM, phone=P2, **SECOND), IdentityWorld.settle, add(DAD, phone=P), remove(phone=P)],
        {MUM},
        {MUM},
    ),
    # The phone of hour 3 is older than that of hour 5, though it is delivered later and for another list.
    "a former phone comes late for another list": Handover(
        [
            hour(5, add(MUM, phone=P2, **SECOND)),
            IdentityWorld.settle,
            hour(3, add(MUM, phone=P)),
            hour(6, add(DAD, phone=P)),
            hour(7, remove(phone=P)),
        ],
        {MUM},
        {MUM},
    ),
    "three people pass on their phones in a ring": Handover(
        [
            *(add(A, phone=P), add(B, phone=P2), add(C, phone=P3)),
            *(update(A, phone=P2), update(B, phone=P3), update(C, phone=P)),
            remove(phone=P),
        ],
        {A, B},
    ),
    # A had the id and B has it: two people could be meant.
    "an id that was handed on is erased": Handover(
        [add(A, "x-1", **MP), update(A, "x-2", **MP), add(B, "x-1", **MP), segment("delete", "mp", userId="x-1")],
        {A, B},
        reasons={"erasure_needs_a_look": 1},
        alone=True,
    ),
    # The e-mail is user 2's by now, and user 1 has another one: the request may mean either.
    "a user is erased with an e-mail that another user has": Handover(
        [member(A, "1"), member(B, "1"), member(A, "2"), dsr(email=A, mpid="1")],
        {A, B},
        reasons={"erasure_needs_a_look": 1},
        alone=True,
    ),
    "a user of Segment is erased with an e-mail that another user has": Handover(
        [
            *(entered("u-1", A), entered("u-1", B), entered("u-2", A)),
            segment("delete", userId="u-1", traits={"email": A}),
        ],
        {A, B},
        reasons={"erasure_needs_a_look": 1},
        alone=True,
    ),
    "a customer is erased with an e-mail that another customer has": Handover(
        [add(A, "x-1"), add(B, "x-1"), update(A, "x-2"), segment("delete", userId="x-1", traits={"email": A})],
        {A, B},
        reasons={"erasure_needs_a_look": 1},
        alone=True,
    ),
    # Two sources know one person by ids of their own: nobody else has the mpid.
    "a user of two sources is erased": Handover(
        [entered("u-1", A), entered("u-2", B), segment("delete", userId="u-9", traits={"email": A})], {B}, alone=True
    ),
    "a removal of the future is older than what comes after it": Handover(
        [add(A, "x-1"), hour(48, remove(external_id="x-1")), add(A), add(B)], {A, B}
    ),
    # The mpid means A, whom the snapshot has taken off; nobody has said that B is user 7.
    "a snapshot replaces a user's e-mail and the user leaves": Handover(
        [
            member(A, "7"),
            snapshot(f"email\n{B}\n", audience=str(AUDIENCE), connection="mp"),
            member(None, "7", "delete"),
        ],
        {B},
        alone=True,
    ),
    # When the letter is replayed, A is the only one with the id who has not left.
    "a letter about two people is replayed when one has left": Handover(
        [add(A, "x-1"), add(B, "x-1"), add(external_id="x-1", plan="gold"), remove(B), replay],
        {A},
        plan={A: "gold"},
        alone=True,
    ),
}
