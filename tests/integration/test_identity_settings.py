"""Who is who by the settings of a connection: which values are blocked, who moves, and what is sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.identity_messages import BATCHES, VIPS, Posted, add, change, entered, identify, member, remove
from tests.support.identity_world import IdentityWorld, identity_world

WORK, HOME, ANN, BOB, CID = (f"{name}@example.com" for name in ("work", "home", "ann", "bob", "cid"))
ID, PHONE = "c-77", "+14155552671"
CONNECTIONS = """
[connections.default]
[connections.keeping]
api_key_env = "KLAVIYO_API_KEY"
mparticle_account = 72
alternate_identifier = "Customer Id"
email_change = "keep"
[connections.moving]
api_key_env = "KLAVIYO_API_KEY"
email_change = "move"
[connections.blocking]
api_key_env = "KLAVIYO_API_KEY"
blocked_identifiers = ["Walk-In", "/till-[0-9]+/", "+14155552671"]
shared_identifier_after = 1
[connections.alone]
api_key_env = "KLAVIYO_API_KEY"
identifiers = "email_only"
[connections.trusting]
api_key_env = "KLAVIYO_API_KEY"
identifiers = "trust_cdp"
[connections.sharing]
api_key_env = "KLAVIYO_API_KEY"
shared_list = true
"""


@pytest.fixture(scope="module")
def served(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityWorld]:
    with identity_world(redis_server, CONNECTIONS, tmp_path_factory.mktemp("identity")) as world:
        yield world


@pytest.fixture
def who(served: IdentityWorld) -> Iterator[IdentityWorld]:
    served.empty("refuse")
    served.clashes.clear()
    yield served
    assert served.unbalanced() == []
    assert served.clashes == []


def of_account(posted: Posted) -> Posted:
    """mParticle's message from the account whose connection keeps both addresses."""
    return Posted(posted.path, posted.body | {"account": {"account_id": 72}}, posted.stamp, posted.at)


@BATCHES
@pytest.mark.parametrize("source", ["mparticle", "segment"])
def test_who_keeps_both_addresses_is_on_the_list_under_both(who: IdentityWorld, together: bool, source: str) -> None:
    if source == "mparticle":
        messages = [of_account(member(email, "7", customer=ID)) for email in (WORK, HOME)]
    else:
        messages = [entered(ID, email, "keeping") for email in (WORK, HOME)]
    who.carry(together, *messages)
    assert who.members() == {WORK, HOME}
    who.send(remove(external_id=ID, connection="keeping", audience=("456" if source == "mparticle" else "aud_1", VIPS)))
    assert who.members() == set()


@BATCHES
def test_where_customers_move_a_new_address_of_an_id_ends_the_old_one(who: IdentityWorld, together: bool) -> None:
    who.carry(together, *(add(email, ID, connection="moving", tag=email) for email in (ANN, WORK, HOME)))
    assert who.members() == {HOME}
    assert who.attributes(HOME) == {"tag": HOME}
    who.carry(together, add(BOB, "c-78", connection="moving"), remove(CID, ID, connection="moving"))
    assert who.members() == {BOB}


@BATCHES
@pytest.mark.parametrize("value", ["walk-in", "Walk-In", "till-7", "TILL-12"])
def test_values_and_patterns_of_the_connection_are_nobodys(who: IdentityWorld, together: bool, value: str) -> None:
    messages = [add(email, value, connection="blocking", tag=email) for email in (ANN, BOB)]
    who.carry(together, *messages, remove(CID, value, connection="blocking"))
    assert who.members() == {ANN, BOB}
    assert {email: who.attributes(email) for email in (ANN, BOB)} == {ANN: {"tag": ANN}, BOB: {"tag": BOB}}
    assert who.has("external_id", value) == []
    assert who.warned()["identifier_blocked"] >= 2


def test_a_pattern_is_of_the_whole_value(who: IdentityWorld) -> None:
    who.send(add(ANN, "till-7b", connection="blocking"), add(BOB, "my till-7", connection="blocking"))
    assert [who.identifiers(email)["external_id"] for email in (ANN, BOB)] == ["till-7b", "my till-7"]
    assert who.warned() == {}


@BATCHES
@pytest.mark.parametrize("phone", [PHONE, "+1 (415) 555-2671"])
def test_a_blocked_phone_is_neither_sent_nor_compared(who: IdentityWorld, together: bool, phone: str) -> None:
    who.carry(together, *(add(email, phone=phone, connection="blocking", tag=email) for email in (ANN, BOB)))
    assert (who.members(), who.has("phone_number", PHONE)) == ({ANN, BOB}, [])
    assert who.warned()["identifier_blocked"] == 2


def test_of_how_many_a_value_is_nobodys_is_a_setting(who: IdentityWorld) -> None:
    who.carry(False, *(add(email, "desk-1", connection="blocking") for email in (ANN, BOB, CID)))
    assert who.members() == {ANN, BOB, CID}
    assert who.warned()["identifier_shared"] >= 1
    who.send(change("update", connection="blocking", external_id="desk-1", attributes={"tag": "whose"}))
    assert len(who.letters()) == 1


@BATCHES
def test_with_the_address_alone_no_other_identifier_reaches_klaviyo(who: IdentityWorld, together: bool) -> None:
    who.put(email=CID, external_id="crm-1")
    messages = [add(email, ID, PHONE, connection="alone", tag=email) for email in (ANN, BOB)]
    who.carry(together, *messages, add(CID, "c-78", connection="alone"))
    assert who.members() == {ANN, BOB, CID}
    assert [who.identifiers(email) for email in (ANN, BOB)] == [{"email": ANN}, {"email": BOB}]
    assert who.identifiers(CID) == {"email": CID, "external_id": "crm-1"}
    who.send(remove(external_id=ID, connection="alone"))
    assert who.members() == {CID}, "people delivered under the id are known"


@BATCHES
def test_where_the_cdp_is_trusted_its_identifiers_go_unasked_and_still_not_twice_in_one_import(
    who: IdentityWorld, together: bool
) -> None:
    who.carry(together, identify("u-1", "trusting", email=ANN, phone=PHONE), identify("u-2", "trusting", email=BOB))
    assert who.identifiers(ANN) == {"email": ANN, "phone_number": PHONE, "external_id": "u-1"}
    assert who.identifiers(BOB) == {"email": BOB, "external_id": "u-2"}


def test_where_lists_are_shared_two_audiences_fill_one(who: IdentityWorld) -> None:
    for number, email in (("42", ANN), ("43", BOB)):
        who.send(add(email, connection="sharing", audience=(number, VIPS)))
    assert (who.members(), who.held()) == ({ANN, BOB}, {})
    who.send(remove(ANN, connection="sharing", audience=("42", VIPS)))
    assert who.members() == {BOB}
