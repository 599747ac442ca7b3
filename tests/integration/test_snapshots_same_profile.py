"""One profile of Klaviyo's is one member, whatever identifiers a file, a single change and the ledger have of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from queues import change
from queues.snapshots import members
from queues.snapshots.members import Bucket, Member
from tests.support.identity_messages import VIPS, add, entered, remove
from tests.support.identity_world import IdentityWorld
from tests.support.listed import Listed, Person
from worker.snapshots import apply

ANN: Person = {"email": "ann@example.com"}
BOB: Person = {"email": "bob@example.com"}
MUM: Person = {"email": "mum@example.com"}
ID: Person = {"external_id": "SW1"}
PHONE: Person = {"phone": "+14155552671"}
EMAIL = "ann@example.com"


@pytest.fixture
def full(who: IdentityWorld) -> Listed:
    """Everything of a row is sent."""
    return Listed(who)


@pytest.fixture(params=[True, False], ids=["full profile", "identity alone"])
def listed(who: IdentityWorld, request: pytest.FixtureRequest) -> Listed:
    """Either way."""
    return Listed(who, full=request.param)


ORDERS: dict[str, list[list[Person]]] = {
    "case 22": [[{**ANN, **ID}], [ID]],
    "case 22 back": [[{**ANN, **ID}], [ID], [{**ANN, **ID}]],
    "id, both, address": [[ID], [{**ANN, **ID}], [ANN]],
    "id, address": [[ID], [ANN]],
    "address, both, id": [[ANN], [{**ANN, **ID}], [ID]],
    "case 23": [[PHONE], [{**ANN, **PHONE}], [ANN]],
    "phone, address": [[PHONE], [ANN]],
    "address, phone": [[ANN], [PHONE]],
    "address, both, phone": [[ANN], [{**ANN, **PHONE}], [PHONE]],
    "phone, id": [[PHONE], [ID]],
    "id, phone": [[ID], [PHONE]],
    "id and phone, each": [[{**ID, **PHONE}], [PHONE], [ID], [{**ID, **PHONE}]],
    "all, each": [[{**ANN, **ID, **PHONE}], [ID], [PHONE], [ANN], [{**ID, **PHONE}], [{**ANN, **PHONE}]],
}


@pytest.mark.parametrize("files", ORDERS.values(), ids=ORDERS.keys())
def test_whoever_klaviyo_knows_by_all_identifiers_stays_whatever_columns_come(
    listed: Listed, files: list[list[Person]]
) -> None:
    profile_id = listed.who.put(email=EMAIL, external_id="SW1", phone_number=PHONE["phone"])
    before = listed.requests()
    for people in files:
        assert EMAIL in listed.sync(*people, BOB)
    assert profile_id not in listed.gone(before)
    assert listed.profiles() == {profile_id, listed.who.person(BOB["email"])["id"]}
    assert listed.sync(BOB) == {BOB["email"]}
    assert listed.known() == {"email:bob@example.com"}


@pytest.mark.parametrize("files", [ORDERS["case 22"], ORDERS["case 22 back"], ORDERS["all, each"]])
def test_so_does_whoever_ferry_told_klaviyo_of(full: Listed, files: list[list[Person]]) -> None:
    before = full.requests()
    for people in files:
        assert full.sync(*people, BOB) == {EMAIL, BOB["email"]}
    assert full.gone(before) == set()
    assert len(full.who.everybody()) == 2


def test_the_same_again_by_another_identifier_sends_nothing(full: Listed) -> None:
    told = {"plan": "gold"}
    full.sync({**ANN, **ID, **told}, BOB)
    before = full.requests()
    full.sync({**ID, **told}, BOB)
    assert full.imported(before) == []
    assert (full.counts().unchanged, full.counts().adds, full.counts().removals) == (2, 0, 0)
    full.sync({**ID, "plan": "blue"}, BOB)
    assert full.imported(before) == [{**ANN, "properties": {"plan": "blue"}}]
    assert full.known() == {"email:ann@example.com", "email:bob@example.com"}


def test_a_member_who_gets_an_address_is_known_by_it_alone(listed: Listed) -> None:
    listed.who.put(email=EMAIL, phone_number=PHONE["phone"])
    listed.sync(PHONE)
    assert listed.known() == {f"phone_number:{PHONE['phone']}"}
    listed.sync({**ANN, **PHONE})
    assert listed.known() == {"email:ann@example.com"}


def test_the_profile_of_a_phone_alone_goes_once_its_owner_is_another(listed: Listed) -> None:
    listed.sync(PHONE)
    phone_only = listed.who.person(PHONE["phone"])["id"]
    listed.sync({**ANN, **PHONE}, BOB)
    assert EMAIL in listed.sync({**ANN, **PHONE}, BOB)
    assert phone_only not in listed.profiles()
    assert listed.known() == {"email:ann@example.com", "email:bob@example.com"}


def test_an_id_that_stands_for_two_members_takes_off_neither(full: Listed) -> None:
    full.who.send(*(add(person["email"], "SW1", connection="full") for person in (ANN, BOB)))
    assert full.sync(ANN, BOB) == {EMAIL, BOB["email"]}
    assert full.sync(ID) == {EMAIL, BOB["email"]}
    assert full.counts().shrink == {"ambiguous_person": 1}
    full.who.send(remove(external_id="SW1", connection="full"))
    assert full.members() == set()
    assert full.known() == set()


def test_so_does_one_that_two_rows_shared(full: Listed) -> None:
    assert full.sync({**ANN, **ID}, {**BOB, **ID}) == {EMAIL, BOB["email"]}
    for _ in range(2):
        assert full.sync(ID) == {EMAIL, BOB["email"]}
        assert full.counts().shrink == {"ambiguous_person": 1}


@pytest.mark.parametrize("shared", [PHONE, ID])
def test_what_two_rows_share_is_on_one_profile_at_most_and_each_keeps_its_own_attributes(
    listed: Listed, shared: Person
) -> None:
    people = [{**MUM, **shared, "tag": "mum"}, {**ANN, **shared, "tag": "ann"}]
    for _ in range(2):
        assert listed.sync(*people) == {EMAIL, MUM["email"]}
    if listed.connection == "full":
        assert [listed.who.attributes(each["email"]) for each in (MUM, ANN)] == [{"tag": "mum"}, {"tag": "ann"}]
    having = [each["email"] for each in (MUM, ANN) if listed.who.identifiers(each["email"]) != each]
    assert len(having) == (listed.connection == "full")
    assert listed.sync(people[1]) == {EMAIL}


def test_customers_without_an_address_who_share_a_phone_are_two(listed: Listed) -> None:
    listed.sync({**ID, **PHONE}, {"external_id": "SW2", **PHONE})
    assert listed.profiles() == {listed.who.person(each)["id"] for each in ("SW1", "SW2")}
    listed.sync({"external_id": "SW2", **PHONE})
    assert listed.profiles() == {listed.who.person("SW2")["id"]}


def test_a_row_of_an_id_that_is_nobodys_is_known_by_its_address_or_cannot_be_sent(listed: Listed) -> None:
    lines = [f"{person['email']},null" for person in (ANN, BOB)]
    assert listed.sync_csv("email,external_id", *lines, ",0", ",N/A") == {EMAIL, BOB["email"]}
    assert listed.counts().shrink == {"identifier_blocked": 2}
    assert listed.sync_csv("email,external_id", lines[0]) == {EMAIL}


def test_whoever_is_taken_off_by_an_id_is_no_member_by_the_address(full: Listed) -> None:
    full.sync({**ANN, **ID}, BOB)
    full.who.send(remove(external_id="SW1", connection="full"))
    assert full.known() == {"email:bob@example.com"}
    assert full.sync({**ANN, **ID}, BOB) == {EMAIL, BOB["email"]}


def test_a_single_change_by_an_id_makes_no_second_member(full: Listed) -> None:
    full.sync({**ANN, **ID}, BOB)
    full.who.send(add(external_id="SW1", connection="full", plan="gold"))
    assert full.known() == {"email:ann@example.com", "email:bob@example.com"}
    before = full.requests()
    assert full.sync(ANN) == {EMAIL}
    assert len(full.gone(before)) == 1


def test_whoever_leaves_for_a_new_address_is_no_member_under_the_old_one(who: IdentityWorld) -> None:
    def enters(email: str) -> None:
        who.send(entered("u-1", email, connection="full"))

    enters("old@example.com")
    audience = next(queue for queue in who.queues() if queue.kind == "audience")
    members.begin(who.redis, audience, "00-1")
    members.end(who.redis, audience, "00-1")
    enters("older@example.com")
    enters("new@example.com")
    assert who.members() == {"new@example.com"}
    known = members.read(who.redis, audience, range(members.BUCKETS)).values()
    assert [member for bucket in known for member in bucket.members] == ["email:new@example.com"]


def test_what_is_said_of_the_mother_meanwhile_does_not_keep_the_child_out(
    full: Listed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(*given: Any) -> bytes:
        monkeypatch.setattr(apply, "encode", original)
        full.who.post(
            add(MUM["email"], phone=PHONE["phone"], connection="full"), remove(BOB["email"], connection="full")
        )
        return original(*given)

    original = change.encode
    full.sync(BOB)
    monkeypatch.setattr(apply, "encode", encode)
    assert full.sync({**ANN, **PHONE}, {**BOB, "plan": "gold"}) == {EMAIL, MUM["email"]}
    assert full.counts().newer == 1, "Bob's alone"


def test_whose_id_is_on_another_profile_leaves_with_their_own(full: Listed) -> None:
    stranger = full.who.put(VIPS, email="stranger@example.com", external_id="SW1")
    full.who.send(add(EMAIL, "SW1", connection="full", audience=("43", "Others")))
    full.sync({"email": "stranger@example.com"}, BOB)
    assert full.sync(ID, {"email": "stranger@example.com"}) == {EMAIL, "stranger@example.com"}
    assert full.sync(BOB, {"email": "stranger@example.com"}) == {BOB["email"], "stranger@example.com"}
    assert full.who.members("Others") == {EMAIL}
    assert stranger in full.profiles()


def seed(listed: Listed, *names: str) -> None:
    """The ledger of an older Ferry."""

    def change(number: int, bucket: Bucket) -> Bucket:
        mine = {name: Member(1) for name in names if members.bucket_of(name) == number}
        return Bucket(bucket.members | mine, bucket.gone)

    members.edit(listed.who.redis, listed.queue, {members.bucket_of(name) for name in names}, change)


def test_members_of_before_the_upgrade_stay_though_nothing_is_remembered_of_them(full: Listed) -> None:
    full.sync({**ANN, **ID}, {**BOB, "external_id": "SW2"})
    full.forget()
    assert full.sync(ID, {"external_id": "SW2"}) == {EMAIL, BOB["email"]}
    assert full.sync(ID, {"external_id": "SW2"}) == {EMAIL, BOB["email"]}
    assert full.sync({"external_id": "SW2"}) == {BOB["email"]}


def test_one_whom_an_older_ferry_has_under_two_names_is_taken_off_under_neither(full: Listed) -> None:
    full.who.put(email=EMAIL, phone_number=PHONE["phone"])
    full.sync(ANN, BOB)
    seed(full, f"phone_number:{PHONE['phone']}")
    before = full.requests()
    assert full.sync(ANN, BOB) == {EMAIL, BOB["email"]}
    assert full.gone(before) == set()
    assert full.known() == {"email:ann@example.com", "email:bob@example.com"}
    assert full.who.warned()["not_on_list"] == 0
    seed(full, f"phone_number:{PHONE['phone']}")
    assert full.sync(BOB) == {BOB["email"]}


def test_customers_whom_an_older_ferry_has_by_the_phone_stay_with_their_profiles(listed: Listed) -> None:
    listed.sync(PHONE, BOB)
    profiles = listed.profiles()
    listed.forget()
    for _ in range(2):
        listed.sync({**ID, **PHONE, "plan": "gold"}, BOB)
        assert listed.profiles() == profiles
    assert listed.known() == {f"phone_number:{PHONE['phone']}", "email:bob@example.com"}


@pytest.mark.parametrize("order", ["case 22 back", "case 23", "id, phone", "all, each"])
def test_a_dry_run_says_what_then_happens(who: IdentityWorld, order: str, tmp_path: Path) -> None:
    listed = Listed(who)
    who.put(email=EMAIL, external_id="SW1", phone_number=PHONE["phone"])
    for number, people in enumerate(ORDERS[order]):
        found = tmp_path / f"{number}.ndjson"
        found.write_bytes(b"".join(msgspec.json.encode(person) + b"\n" for person in (*people, BOB)))
        words = ("sync", "42", str(found), "--connection", "full", "--name", VIPS, "--dry-run", "--json")
        told = msgspec.json.decode(who.command(*words).stdout)
        listed.sync(*people, BOB)
        counts = listed.counts()
        actual = {name: getattr(counts, name) for name in ("adds", "updates", "unchanged", "held", "people")}
        assert {name: told["counts"][name] for name in actual} == actual
        # Members who may be people of the file are decided about only when these have joined.
        least = told["counts"]["removals"]
        assert least <= counts.removals <= least + told["counts"]["kept"]
