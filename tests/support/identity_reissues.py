"""Sequences of messages about values handed on late, in one batch or without an e-mail, and about shared mailboxes."""

from __future__ import annotations

from typing import Final

from tests.support.identity_handovers import P2, P3, A, B, C, P
from tests.support.identity_messages import add, dsr, entered, member, remove, segment, snapshot, update
from tests.support.identity_sequences import Handover, hour, leaves
from tests.support.identity_world import IdentityWorld

#: What a person has one of at a time: how to call it, its name in a message, and two values.
VALUES: Final = (("an id", "external_id", "c-1", "c-2"), ("a phone", "phone", P, P2))

REISSUES: Final[dict[str, Handover]] = {
    # Two users have the e-mail, and the request is about one of them.
    "one of two users of a mailbox is erased with the e-mail": Handover(
        [member(A, "1"), member(A, "2"), member(B, "3"), dsr(email=A, mpid="1")],
        {A, B},
        reasons={"erasure_needs_a_look": 1},
        alone=True,
    ),
    "one of two users of a mailbox is erased with the e-mail before the other one is delivered": Handover(
        [
            member(A, "1"),
            IdentityWorld.settle,
            member(A, "2"),
            segment("delete", "mp", userId="u-9"),
            dsr(email=A, mpid="1"),
        ],
        {A},
        reasons={"erasure_needs_a_look": 1, "profile_unknown": 1},
    ),
    "one of two users of a mailbox in Segment is erased with the e-mail": Handover(
        [entered("u-1", A), entered("u-2", A), segment("delete", userId="u-1", traits={"email": A})],
        {A},
        reasons={"erasure_needs_a_look": 1},
        alone=True,
    ),
    # The request names no user, so it is about everybody who has the e-mail.
    "a mailbox of two users is erased by the e-mail alone": Handover(
        [member(A, "1"), member(A, "2"), member(B, "3"), dsr(email=A)], {B}, alone=True
    ),
    "a user whose e-mail another one has left is erased with the e-mail": Handover(
        [member(A, "1"), member(A, "2"), member(B, "2"), dsr(email=A, mpid="1")], {B}, alone=True
    ),
    # The file's id is B's by now, though Klaviyo shows it with A.
    "full snapshots exchange ids and the last one has one of the ids alone": Handover(
        [
            snapshot(f"email,external_id\n{A},x-1\n{B},x-2\n", connection="full"),
            snapshot(f"email,external_id\n{A},x-2\n{B},x-1\n", connection="full"),
            snapshot("external_id\nx-1\n", connection="full"),
        ],
        {B},
        alone=True,
    ),
    # mParticle's id is none of Klaviyo's: the change goes to the e-mail that the user has now.
    "a user is named by an mpid alone": Handover(
        [member(A, "1"), member(B, "2"), IdentityWorld.settle, member(None, "1", plan="gold")], {A, B}, plan={A: "gold"}
    ),
    "a customer of one user is named with an mpid that nobody has": Handover(
        [member(A, "1", customer="c-1"), IdentityWorld.settle, member(None, "9", customer="c-1", plan="gold")],
        {A},
        plan={A: "gold"},
    ),
    "a user of a shared mailbox is named by an mpid alone": Handover(
        [member(A, "1"), member(A, "2"), IdentityWorld.settle, member(None, "1", plan="gold")], {A}, plan={A: "gold"}
    ),
    "a user who has moved is named by an mpid alone": Handover(
        [member(A, "1"), member(B, "1"), IdentityWorld.settle, member(None, "1", plan="gold")], {B}, plan={B: "gold"}
    ),
    "users exchange e-mails and one is named by an mpid alone": Handover(
        [
            *(member(A, "1"), member(B, "2"), IdentityWorld.settle, member(B, "1")),
            *(member(None, "1", plan="gold"), member(A, "2")),
        ],
        {A, B},
        plan={B: "gold"},
    ),
    "a user who has left is named late by an mpid alone": Handover(
        [
            *(hour(1, member(A, "1")), hour(5, member(None, "1", "delete")), IdentityWorld.settle),
            hour(3, member(None, "1", plan="gold")),
        ],
        set(),
        plan={A: "gold"},
        alone=True,
    ),
    "an mpid that nobody has is named alone": Handover(
        [member(A, "1"), IdentityWorld.settle, member(None, "2", plan="gold")], {A}, reasons={"no_email": 1}
    ),
    "a user who was erased is named by an mpid alone": Handover(
        [member(A, "1"), dsr(email=A, mpid="1"), IdentityWorld.settle, member(None, "1", plan="gold")],
        set(),
        reasons={"no_email": 1},
        alone=True,
    ),
    # With `keep` users have no e-mail of their own: the first removal by e-mail or user id takes it off.
    **{
        f"one of two users of a mailbox leaves {how} where e-mails are kept": Handover(
            [entered("u-1", A, "keeping"), entered("u-2", A, "keeping"), entered("u-2", B, "keeping"), leaving], left
        )
        for how, leaving, left in (
            ("by the user id", leaves("u-1", connection="keeping"), {B}),
            ("by the e-mail", entered("u-1", A, "keeping", exited=True), {B}),
        )
    },
    # C is on no list, and has the phone when the removal comes.
    "a phone is given up beside one who has it and is on no list": Handover(
        [update(C, phone=P), add(A, phone=P), IdentityWorld.settle, add(A, phone=P2), remove(phone=P)], {A}
    ),
    # At hour 3 A had the id, which B has had since hour 6.
    **{
        f"{kind} is handed on and a removal by it comes late": Handover(
            [
                *(hour(1, add(B)), hour(1, add(A, **{name: old}))),
                *(hour(5, update(A, **{name: new})), hour(6, update(B, **{name: old})), hour(3, remove(**{name: old}))),
            ],
            {B},
        )
        for kind, name, old, new in VALUES
    },
    **{
        f"{kind} is handed on and an update by it comes late": Handover(
            [
                *(hour(1, add(B)), hour(1, add(A, **{name: old}))),
                *(hour(5, update(A, **{name: new})), hour(6, update(B, **{name: old}))),
                *(hour(7, update(**{name: old}, plan="gold")), hour(3, update(**{name: old}, plan="old"))),
            ],
            {A, B},
            plan={A: "old", B: "gold"},
        )
        for kind, name, old, new in VALUES
    },
    "an id is handed on and a removal by it and an unknown e-mail comes late": Handover(
        [
            *(hour(1, add(B)), hour(1, add(A, "c-1"))),
            *(hour(5, update(A, "c-2")), hour(6, update(B, "c-1")), hour(3, remove(C, "c-1"))),
        ],
        {B},
    ),
    "an id that is handed on is removed late and again for its new owner": Handover(
        [
            *(hour(1, add(B)), hour(1, add(A, "c-1")), hour(1, add(C)), hour(5, update(A, "c-2"))),
            *(hour(6, update(B, "c-1")), IdentityWorld.settle),
            *(hour(3, remove(external_id="c-1")), hour(7, remove(external_id="c-1"))),
        ],
        {C},
    ),
    # Nobody had handed the id on: B is the only one who is known to have it.
    "an id that nobody had before is removed late": Handover(
        [hour(1, add(A)), hour(1, add(B)), hour(6, update(B, "c-1")), hour(3, remove(external_id="c-1"))], {A}
    ),
    # Nobody has an e-mail; lists show such people by their phones.
    "a phone is handed on between people without an e-mail in one batch": Handover(
        [
            *(add(external_id="c-1", phone=P), IdentityWorld.settle),
            *(update(external_id="c-1", phone=P2), add(external_id="c-2", phone=P), remove(phone=P)),
        ],
        {P2},
    ),
    "a phone of one who had another before is handed on between people without an e-mail": Handover(
        [
            *(add(external_id="c-1", phone=P), add(external_id="c-2", phone=P2), IdentityWorld.settle),
            *(update(external_id="c-1", phone=P3), update(external_id="c-2", phone=P), remove(phone=P)),
        ],
        {P3},
    ),
    "a phone is handed on to two people without an e-mail": Handover(
        [
            *(add(external_id="c-1", phone=P), add(external_id="c-2"), add(external_id="c-3"), IdentityWorld.settle),
            update(external_id="c-1", phone=P2),
            *(update(external_id="c-2", phone=P), update(external_id="c-3", phone=P), remove(phone=P)),
        ],
        {P2},
    ),
    "a phone is handed on from one without an e-mail to one with an e-mail": Handover(
        [
            *(add(external_id="c-1", phone=P), IdentityWorld.settle),
            *(update(external_id="c-1", phone=P2), add(B, phone=P), remove(phone=P)),
        ],
        {P2},
    ),
    "a phone that one without an e-mail has given up still takes them off": Handover(
        [
            *(add(external_id="c-1", phone=P), add(B), IdentityWorld.settle),
            *(update(external_id="c-1", phone=P2), remove(phone=P)),
        ],
        {B},
    ),
    # Klaviyo's profile with the id has no e-mail yet, so it is A's, with its phone.
    "an id with a phone comes before its person's e-mail": Handover(
        [add(external_id="c-1", phone=P, plan="gold"), add(A, "c-1")], {A}, plan={A: "gold"}
    ),
    "an id with a phone comes before its person's e-mail and phone": Handover(
        [add(external_id="c-1", phone=P, plan="gold"), add(A, "c-1", P)], {A}, plan={A: "gold"}
    ),
    # Another phone: whether the profile is A's is not certain.
    "an id with another phone comes before the e-mail of one who has the id": Handover(
        [add(external_id="c-1", phone=P), add(A, "c-1", P2)], {A, P}, alone=True
    ),
}
