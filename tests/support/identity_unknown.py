"""Sequences of messages about removals under an unknown e-mail, and about what changes by an id alone say of people."""

from __future__ import annotations

from typing import Final

from tests.support.identity_handovers import MP, P2, P3, A, B, C, P
from tests.support.identity_messages import add, dsr, entered, member, remove, segment, update
from tests.support.identity_sequences import Handover, hour
from tests.support.identity_world import IdentityWorld

UNKNOWN: Final[dict[str, Handover]] = {
    # A joined after the removal, though the removal comes later and names an e-mail that nobody knows.
    "a person leaves late under a new e-mail": Handover(
        [hour(5, add(A, "c-1")), add(B), IdentityWorld.settle, hour(3, remove(C, "c-1"))], {A, B}
    ),
    "a customer of mParticle leaves late under a new e-mail": Handover(
        [hour(5, member(A, "1", customer="c-1")), add(B, **MP), IdentityWorld.settle, hour(3, remove(C, "c-1", **MP))],
        {A, B},
    ),
    # The removal under the new e-mail was A's.
    "a person leaves under a new e-mail and joins late": Handover(
        [hour(1, add(A, "c-1")), add(B), IdentityWorld.settle, hour(5, remove(C, "c-1")), hour(3, add(A, "c-1"))], {B}
    ),
    "a person leaves under a new e-mail and joins late without the id": Handover(
        [hour(1, add(A, "c-1")), add(B), IdentityWorld.settle, hour(5, remove(C, "c-1")), hour(3, add(A))], {B}
    ),
    "a person leaves under a new e-mail and joins again": Handover(
        [hour(1, add(A, "c-1")), add(B), IdentityWorld.settle, hour(3, remove(C, "c-1")), hour(5, add(A))], {A, B}
    ),
    # When the second one leaves, B is the only one with the id.
    "two people with one id leave and the second one under a new e-mail": Handover(
        [add(A, "c-1"), add(B, "c-1"), add(C), IdentityWorld.settle, remove(A, "c-1"), remove("d@example.com", "c-1")],
        {C},
    ),
    # A joined again before the removal, so two people have the id.
    "one of two people with one id leaves and comes back before one leaves under a new e-mail": Handover(
        [add(A, "c-1"), add(B, "c-1"), IdentityWorld.settle, remove(A, "c-1"), add(A), remove(C, "c-1")], {A, B}
    ),
    # The removal is late for A alone, and Klaviyo shows the id with A.
    "a removal by the id of two people is late for the one whose profile has it": Handover(
        [
            *(hour(5, add(A, "c-1")), IdentityWorld.settle, hour(4, add(B, "c-1"))),
            *(IdentityWorld.settle, hour(4.5, remove(external_id="c-1"))),
        ],
        {A},
    ),
    # No user is named, so nobody stays for the sake of an mpid.
    "users with one customer id leave by it": Handover(
        [
            *(member(A, "1", customer="c-1"), member(B, "2", customer="c-1"), member(C, "3")),
            *(IdentityWorld.settle, remove(external_id="c-1", **MP)),
        ],
        {C},
    ),
    # The phone is A's, because the id is.
    "a phone comes with an id alone and its person leaves by it": Handover(
        [add(A, "c-1"), add(B), update(external_id="c-1", phone=P), remove(phone=P)], {B}
    ),
    "a phone comes with an id alone and another person has it too": Handover(
        [add(A, "c-1"), update(external_id="c-1", phone=P), add(B, phone=P), add(C), remove(phone=P)], {C}
    ),
    "a new phone comes with an id alone and the old one is handed on": Handover(
        [add(A, "c-1", P), update(external_id="c-1", phone=P2), add(B, phone=P), remove(phone=P)], {A}
    ),
    "a new phone comes with an id alone in the batch in which the old one is handed on": Handover(
        [
            *(add(A, "c-1", P), IdentityWorld.settle),
            *(update(external_id="c-1", phone=P2), add(B, phone=P), remove(phone=P)),
        ],
        {A},
    ),
    "a former phone comes late with an id alone": Handover(
        [
            *(hour(5, add(A, "c-1", P)), hour(3, update(external_id="c-1", phone=P2))),
            *(hour(5, add(B, phone=P2)), IdentityWorld.settle, hour(6, remove(phone=P2))),
        ],
        {A},
    ),
    "a phone that came with an id alone finds its person": Handover(
        [add(A, "c-1"), update(external_id="c-1", phone=P3), IdentityWorld.settle, update(phone=P3, plan="gold")],
        {A},
        plan={A: "gold"},
    ),
    # At hour 3 A had the id, which B has had since hour 6: the phone is A's.
    "an id is handed on and a phone comes late with it": Handover(
        [
            *(hour(1, add(A, "c-1")), hour(1, add(B)), hour(5, update(A, "c-2")), hour(6, update(B, "c-1"))),
            *(IdentityWorld.settle, hour(3, update(external_id="c-1", phone=P)), IdentityWorld.settle),
            remove(phone=P),
        ],
        {B},
    ),
    "a customer id of mParticle is handed on and named late with an mpid that nobody has": Handover(
        [
            *(hour(1, member(A, "1", customer="c-1")), hour(1, member(B, "2"))),
            *(hour(5, member(A, "1", customer="c-2")), hour(6, member(B, "2", customer="c-1")), IdentityWorld.settle),
            hour(7, member(None, "8", customer="c-1", plan="gold")),
            hour(3, member(None, "9", customer="c-1", plan="old")),
        ],
        {A, B},
        plan={A: "old", B: "gold"},
    ),
    # The user has B now: the request may be about A alone or about the user.
    "a user is erased with a former e-mail": Handover(
        [member(A, "1"), member(B, "1"), dsr(email=A, mpid="1")], {B}, reasons={"erasure_needs_a_look": 1}, alone=True
    ),
    "a user of Segment is erased with a former e-mail": Handover(
        [entered("u-1", A), entered("u-1", B), segment("delete", userId="u-1", traits={"email": A})],
        {B},
        reasons={"erasure_needs_a_look": 1},
        alone=True,
    ),
    "a user who has left is erased with the last e-mail": Handover(
        [member(A, "1"), member(B, "2"), member(None, "1", "delete"), dsr(email=A, mpid="1")], {B}, alone=True
    ),
}
