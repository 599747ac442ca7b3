"""Snapshots know a member by the same rules: none adds and removes one profile, and a list has one owner."""

from __future__ import annotations

import pytest

from tests.support.identity_messages import VIPS, add, campaign, remove, rows, snapshot
from tests.support.identity_world import IdentityWorld

ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"
PHONE = "+14155552671"


def sync(who: IdentityWorld, header: str, *lines: str, connection: str = "default") -> set[str]:
    """The members after a snapshot of these lines, and of Bob if there is an e-mail column."""
    text = "\n".join([header, *lines]) + "\n"
    who.send(snapshot(text, connection=connection))
    return who.members()


def test_a_member_named_by_address_and_id_and_then_by_the_id_alone_stays(who: IdentityWorld) -> None:
    assert sync(who, "email,external_id", f"{ANN},SW1", f"{BOB},SW2", connection="full") == {ANN, BOB}
    assert sync(who, "external_id", "SW1", "SW2", connection="full") == {ANN, BOB}
    assert sync(who, "external_id", "SW1", connection="full") == {ANN}
    assert sync(who, "email,external_id", f"{ANN},SW1", connection="full") == {ANN}
    assert len(who.everybody()) == 2


def test_an_id_in_another_case_is_another_customer(who: IdentityWorld) -> None:
    assert sync(who, "email,external_id", f"{ANN},sw1", f"{BOB},SW1", connection="full") == {ANN, BOB}
    assert sync(who, "external_id", "SW1", connection="full") == {BOB}


def test_rows_with_an_id_of_nobody_are_as_many_people_as_addresses(who: IdentityWorld) -> None:
    lines = [f"{email},0,{email}" for email in (ANN, BOB, CID)]
    assert sync(who, "email,external_id,tag", *lines, connection="full") == {ANN, BOB, CID}
    assert {email: who.attributes(email) for email in (ANN, BOB, CID)} == {
        email: {"tag": email} for email in (ANN, BOB, CID)
    }
    assert who.has("external_id", "0") == []


@pytest.mark.parametrize("connection", ["default", "full"])
def test_rows_that_share_a_phone_are_as_many_people_as_addresses(who: IdentityWorld, connection: str) -> None:
    lines = [f"{ANN},{PHONE}", f"{BOB},{PHONE}"]
    assert sync(who, "email,phone", *lines, connection=connection) == {ANN, BOB}
    assert sync(who, "email,phone", *lines, connection=connection) == {ANN, BOB}
    assert sync(who, "email,phone", lines[1], connection=connection) == {BOB}


@pytest.mark.parametrize("known", [False, True], ids=["new to Klaviyo", "known to Klaviyo by both"])
@pytest.mark.parametrize("connection", ["default", "full"])
def test_a_member_named_by_phone_then_by_both_then_by_address_stays(
    who: IdentityWorld, known: bool, connection: str
) -> None:
    if known:
        who.put(email=ANN, phone_number=PHONE)
    assert sync(who, "phone", PHONE, connection=connection) == {ANN if known else PHONE}
    assert ANN in sync(who, "email,phone", f"{ANN},{PHONE}", connection=connection)
    assert sync(who, "email", ANN, connection=connection) == {ANN}
    assert sync(who, "email", ANN, BOB, connection=connection) == {ANN, BOB}


def test_a_single_change_and_a_snapshot_speak_of_one_person_by_different_identifiers(who: IdentityWorld) -> None:
    who.send(add(ANN, "c-1"), add(BOB, "c-2"))
    assert sync(who, "external_id", "c-1") == {ANN}
    who.send(remove(external_id="c-1"))
    assert who.members() == set()


def test_a_domain_is_one_in_both_spellings(who: IdentityWorld) -> None:
    who.send(rows([{"email": "info@müller.de"}, {"email": "INFO@xn--mller-kva.de"}]))
    assert who.members() == {"info@xn--mller-kva.de"}
    who.send(rows([{"email": "info@MÜLLER.de\u200b"}]))
    assert who.members() == {"info@xn--mller-kva.de"}
    assert len(who.everybody()) == 1


def owned(who: IdentityWorld, owner: str) -> None:
    """What came for another than the owner of the list is held, and the hold names both."""
    (queue,) = [name for name, reason in who.held().items() if reason == "list_owned"]
    told = who.command("holds").output
    assert queue != owner
    assert (queue in told, owner in told) == (True, True)


def test_two_audiences_do_not_share_a_list_without_being_asked(who: IdentityWorld) -> None:
    who.post(add(ANN, audience=("42", VIPS)))
    who.push(3)
    who.post(add(BOB, audience=("43", VIPS)), remove(ANN, audience=("43", VIPS)), add(CID, audience=("42", VIPS)))
    who.push(12)
    assert who.members() == {ANN, CID}
    owned(who, "default/audience/42")
    assert who.counts()["open"] + who.counts()["pending"] == 2


def test_one_message_to_two_audiences_of_one_name_reaches_one_of_them(who: IdentityWorld) -> None:
    who.post(add(ANN, audience=("42", VIPS)), add(ANN, audience=("43", VIPS)))
    who.push(12)
    assert who.members() == {ANN}
    assert list(who.held().values()) == ["list_owned"]


def test_a_campaign_does_not_empty_the_list_of_an_audience(who: IdentityWorld) -> None:
    who.send(add(ANN), add(BOB))
    who.post(campaign("Spring", CID, list_name=VIPS))
    who.push(12)
    assert who.members() == {ANN, BOB}
    owned(who, "default/audience/42")


def test_after_a_persons_word_both_keep_the_list(who: IdentityWorld) -> None:
    who.send(add(ANN, audience=("42", VIPS)))
    who.post(add(BOB, audience=("43", VIPS)))
    who.push(6)
    assert who.members() == {ANN}
    (queue,) = who.held()
    assert who.command("release", queue).exit_code == 0
    who.settle()
    assert who.members() == {ANN, BOB}
    who.send(add(CID, audience=("43", VIPS)))
    assert who.members() == {ANN, BOB, CID}, "it is asked once"


def test_audiences_with_lists_of_their_own_are_not_held(who: IdentityWorld) -> None:
    spring = campaign("Spring", CID, list_name="Spring")
    who.send(add(ANN, audience=("42", VIPS)), add(BOB, audience=("43", "Others")), spring, spring)
    assert (who.members(), who.members("Others"), who.members("Spring")) == ({ANN}, {BOB}, {CID})
    assert who.held() == {}
