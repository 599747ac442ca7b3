"""One person in several spellings: of addresses, domains and phones, whichever CDP wrote them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.identity_messages import BATCHES, Posted, add, identify, member, remove, rows, update
from tests.support.identity_world import IdentityWorld

MÜLLER, STRASSE, ANN = "info@xn--mller-kva.de", "info@xn--strae-oqa.de", "ann@example.com"
MEXICO = "+525541637145"
ZWSP, BOM, SOFT_HYPHEN, ZWJ = "\u200b", "\ufeff", "\u00ad", "\u200d"
#: Each source's way to say that an address is there.
TELLERS: dict[str, Callable[[str], Posted]] = {
    "changes": add,
    "mparticle": lambda email: member(email, "7"),
    "segment": lambda email: identify("u1", email=email),
    "a snapshot": lambda email: rows([{"email": email}]),
}
SOURCES = pytest.mark.parametrize("source", TELLERS)


def one(who: IdentityWorld, email: str) -> None:
    """There is one profile, with this address."""
    assert [person.get("email") for person in who.everybody()] == [email]
    assert who.reasons() == {}


@SOURCES
@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("info@müller.de", MÜLLER),
        ("INFO@MÜLLER.DE", MÜLLER),
        ("info@mu\u0308ller.de", MÜLLER),
        ("info@xn--mller-kva.de", MÜLLER),
        ("info@straße.de", STRASSE),
        ("info@mail.müller.de", "info@mail.xn--mller-kva.de"),
    ],
)
def test_a_domain_goes_as_punycode(who: IdentityWorld, source: str, told: str, meant: str) -> None:
    who.send(TELLERS[source](told))
    one(who, meant)


@SOURCES
@pytest.mark.parametrize(
    "told",
    [
        f"{ZWSP}{ANN}",
        f"{ANN}{ZWSP}",
        f"{BOM}{ANN}",
        f"{ANN}{BOM}",
        f"an{SOFT_HYPHEN}n@exam{SOFT_HYPHEN}ple.com",
        f"  {BOM}{ANN}{ZWSP} ",
        f"{ANN}\u00a0",
        f"{ANN}\u2060",
    ],
)
def test_what_cannot_be_seen_is_no_part_of_an_address(who: IdentityWorld, source: str, told: str) -> None:
    who.send(TELLERS[source](told))
    one(who, ANN)


@BATCHES
@pytest.mark.parametrize("other", [f"{BOM}{ANN}", f"an{SOFT_HYPHEN}n@example.com", "ANN@Example.com"])
def test_two_spellings_are_one_person(who: IdentityWorld, together: bool, other: str) -> None:
    who.carry(together, add(ANN, plan="gold"), update(other, city="Oslo"))
    assert who.attributes(ANN) == {"plan": "gold", "city": "Oslo"}
    assert len(who.everybody()) == 1
    who.send(remove(other))
    assert who.members() == set()


@BATCHES
def test_both_spellings_of_a_domain_are_one_person(who: IdentityWorld, together: bool) -> None:
    who.carry(together, add("info@müller.de", plan="gold"), add("Info@xn--mller-kva.de", city="Oslo"))
    one(who, MÜLLER)
    assert who.attributes(MÜLLER) == {"plan": "gold", "city": "Oslo"}


@BATCHES
def test_ss_and_sharp_s_are_two_domains(who: IdentityWorld, together: bool) -> None:
    who.carry(together, add("info@straße.de", plan="gold"), add("info@strasse.de", plan="silver"))
    assert {email: who.attributes(email) for email in (STRASSE, "info@strasse.de")} == {
        STRASSE: {"plan": "gold"},
        "info@strasse.de": {"plan": "silver"},
    }


@BATCHES
def test_a_kelvin_sign_is_no_k(who: IdentityWorld, together: bool) -> None:
    who.carry(together, add("kim@example.com", plan="gold"), remove("\u212aim@example.com"))
    assert who.members() == {"kim@example.com"}
    assert who.reasons() == {"email_invalid": 1}


@pytest.mark.parametrize("told", ["jörg@example.com", f"a{ZWJ}b@exa mple.com", "ann@exämple..com"])
def test_what_is_no_address_still_is_a_dead_letter(who: IdentityWorld, told: str) -> None:
    who.send(add(told), add(ANN))
    assert who.members() == {ANN}
    assert who.reasons() == {"email_invalid": 1}


@pytest.mark.parametrize(
    "told", ["+5215541637145", "+52 1 55 4163 7145", "044 55 4163 7145", "045 55 4163 7145", "55 4163 7145", MEXICO]
)
def test_a_mexican_mobile_is_one_number_however_it_is_dialled(who: IdentityWorld, told: str) -> None:
    who.send(add(ANN, phone=told, connection="mexico"))
    assert who.identifiers(ANN) == {"email": ANN, "phone_number": MEXICO}
    assert who.warned() == {}


@BATCHES
@pytest.mark.parametrize("other", ["+5215541637145", "044 55 4163 7145"])
def test_two_people_with_one_mexican_phone_are_told_apart_in_any_spelling(
    who: IdentityWorld, together: bool, other: str
) -> None:
    first, second = (
        add(ANN, phone=MEXICO, connection="mexico"),
        add("bob@example.com", phone=other, connection="mexico"),
    )
    who.carry(together, first, second)
    assert who.members() == {ANN, "bob@example.com"}
    assert len(who.has("phone_number", MEXICO)) == 1
    assert who.warned()["identifier_taken"] == 1


@BATCHES
def test_a_phone_alone_is_one_person_in_any_spelling(who: IdentityWorld, together: bool) -> None:
    who.carry(
        together,
        add(phone="+5215541637145", plan="gold", connection="mexico"),
        add(phone="044 55 4163 7145", city="Oslo", connection="mexico"),
    )
    assert who.members() == {MEXICO}
    assert who.attributes(MEXICO) == {"plan": "gold", "city": "Oslo"}
    who.send(remove(phone="(55) 4163-7145", connection="mexico"))
    assert who.members() == set()


@pytest.mark.parametrize(
    ("told", "meant"), [("+5491123456789", "+5491123456789"), ("+4915112345678", "+4915112345678"), ("044 12", None)]
)
def test_other_phones_are_as_the_library_reads_them(who: IdentityWorld, told: str, meant: str | None) -> None:
    who.send(add(ANN, phone=told, connection="mexico"))
    assert who.identifiers(ANN) == {"email": ANN, **({"phone_number": meant} if meant else {})}
    assert who.warned() == ({} if meant else {"phone_invalid": 1})
