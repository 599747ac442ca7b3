"""Delivered means on the list; and what Klaviyo is asked before and after an import, by the connection's settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from klaviyo import lists
from klaviyo.calls import Caller
from queues import dead_letters
from tests.support.world import QUEUE, World, addresses
from worker.process import settings_of_process

ANN, BOB, PHONE, OTHER = "ann@example.com", "bob@example.com", "+14155552671", "+14155552672"
LISTED = "/api/lists/"
PROFILES = "/api/profiles"
IMPORTS = "/api/profile-bulk-import-jobs"
Configure = Callable[..., None]


@pytest.fixture
def configure(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Configure:
    """Give the connection of the world these settings, as TOML."""

    def written(**settings: str) -> None:
        file = tmp_path / "connections.toml"
        lines = [f"{name} = {value}" for name, value in settings.items()]
        file.write_text("\n".join(["[connections.default]", *lines]))
        monkeypatch.setenv("FERRY_CONNECTIONS", str(file))
        settings_of_process.cache_clear()

    return written


def looks(world: World) -> int:
    """Look-ups of members by an address."""
    return sum("filter" in each["query"] for each in world.requests(LISTED, "GET"))


def asked(world: World) -> int:
    """Look-ups of profiles, wherever they are."""
    return len([each for each in world.requests(PROFILES, "GET") if each["path"] == PROFILES])


def sent(world: World) -> list[dict[str, Any]]:
    """The attributes of every row of every import."""
    bodies = [each["body"]["data"]["attributes"]["profiles"]["data"] for each in world.requests(IMPORTS, "POST")]
    return [row["attributes"] for rows in bodies for row in rows]


def test_everybody_is_looked_for_and_counts_as_delivered_when_there(world: World) -> None:
    world.change("add", *addresses(250))
    world.deliver()
    assert world.counts()["delivered"] == 250
    assert looks(world) == 3


def test_with_a_sample_one_request_is_enough_and_the_others_are_imported(world: World, configure: Configure) -> None:
    configure(prove='"sample"')
    world.change("add", *addresses(250))
    world.deliver()
    assert (world.counts()["delivered"], world.imported()) == (100, 150)
    assert looks(world) == 1


def test_one_miss_in_the_sample_proves_the_whole_batch(world: World, configure: Configure) -> None:
    configure(prove='"sample"')
    world.control("identity", membership_delay_seconds=3_600.0)
    world.change("add", *addresses(150))
    batch_id = world.take()
    for _ in range(3):
        world.ring(batch_id)
    world.control("identity", membership_delay_seconds=0.0)
    for _ in range(3):
        world.ring(batch_id)
    assert (world.counts()["delivered"], world.imported()) == (150, 0)


def test_without_proof_nobody_is_looked_for_and_nobody_counts_as_delivered(world: World, configure: Configure) -> None:
    configure(prove='"off"')
    world.change("add", ANN, BOB)
    world.deliver()
    assert (world.counts()["delivered"], world.imported(), looks(world)) == (0, 2, 0)
    world.change("update", ANN)
    world.deliver()
    assert world.counts()["delivered"] == 1, "an update asks for no list"


def test_who_never_gets_on_the_list_goes_once_more_and_is_then_a_dead_letter(world: World) -> None:
    world.control("identity", membership_delay_seconds=3_600.0)
    world.change("add", ANN)
    world.deliver(rings=12)
    assert world.dead() == {ANN: "not_on_list"}
    assert len(sent(world)) == 2
    (letter,) = dead_letters.read(world.redis, QUEUE)
    assert letter.detail["list"]
    assert letter.detail["profile"]


def test_who_was_merged_away_is_a_dead_letter_that_names_the_profile(world: World) -> None:
    world.control("identity", clash="merge", multi_email=True, membership_delay_seconds=3_600.0)
    world.change("add", ANN)
    batch_id = world.take()
    for _ in range(3):
        world.ring(batch_id)
    # Another tool of the account says that both addresses are one customer's.
    world.write_profile(email=BOB, external_id="c-1")
    world.write_profile(email=ANN, external_id="c-1")
    for _ in range(6):
        world.ring(batch_id)
    assert world.dead() == {ANN: "merged_profile"}
    assert len(sent(world)) == 1, "sending it again would write on the other's profile"


@pytest.mark.parametrize(("in_vain", "staying", "dead"), [(2, set(), {}), (9, {ANN}, {ANN: "not_removed"})])
def test_a_removal_is_looked_at_again_and_not_believed(
    world: World, monkeypatch: pytest.MonkeyPatch, in_vain: int, staying: set[str], dead: dict[str, str]
) -> None:
    world.change("add", ANN)
    world.deliver()
    removed, asked_for = lists.remove_members, iter(range(99))

    def forgetful(call: Caller, list_id: str, profile_ids: Sequence[str]) -> None:
        """Klaviyo takes it, and does nothing."""
        if next(asked_for) >= in_vain:
            removed(call, list_id, profile_ids)

    monkeypatch.setattr(lists, "remove_members", forgetful)
    world.change("remove", ANN)
    world.deliver(rings=8)
    assert (world.members(), world.dead()) == (staying, dead)


def test_known_people_cost_no_look_up_of_identifiers(world: World) -> None:
    people = [{"email": each, "phone": f"+1415555{n:04}"} for n, each in enumerate(addresses(50), start=2_600)]
    world.change("add", *people)
    world.deliver()
    before = asked(world)
    assert before == 2, "one request for the addresses, one for the phones"
    world.change("update", *({**each, "attributes": {"plan": "gold"}} for each in people))
    world.deliver()
    assert asked(world) == before
    assert world.counts()["delivered"] == 100


@pytest.mark.parametrize(
    ("mode", "phones", "look_ups"), [("verified", {PHONE}, 2), ("email_only", set(), 0), ("trust_cdp", {PHONE}, 0)]
)
def test_each_mode_sends_what_it_says(
    world: World, configure: Configure, mode: str, phones: set[str], look_ups: int
) -> None:
    configure(identifiers=f'"{mode}"')
    world.change("add", {"email": ANN, "phone": PHONE})
    world.deliver()
    assert ({each["phone_number"] for each in sent(world) if "phone_number" in each}, asked(world)) == (
        phones,
        look_ups,
    )


def test_what_klaviyo_refuses_for_a_duplicate_goes_again_with_the_e_mail_alone(
    world: World, configure: Configure
) -> None:
    configure(identifiers='"trust_cdp"')
    world.write_profile(email=BOB, phone_number=PHONE)
    world.write_profile(email=ANN)
    world.change("add", {"email": ANN, "phone": PHONE})
    world.deliver(rings=8)
    assert world.members() == {ANN}
    assert [(world.person(each) or {}).get("phone_number") for each in (ANN, BOB)] == [None, PHONE]
    assert (world.dead(), world.left_out()) == ({}, {"identifier_taken": 1})


def test_a_phone_with_consent_stays_unless_the_cdps_is_to_win(world: World, configure: Configure) -> None:
    for wins, phone in (("false", OTHER), ("true", PHONE)):
        configure(phone_wins=wins)
        world.control("reset")
        world.redis.flushall()
        world.write_profile(email=ANN, phone_number=OTHER)
        world.subscribe_sms(OTHER)
        world.change("add", {"email": ANN, "phone": PHONE})
        world.deliver(rings=8)
        assert (world.person(ANN) or {}).get("phone_number") == phone, wins


def test_blocked_identifiers_of_the_connection_are_neither_sent_nor_compared(
    world: World, configure: Configure
) -> None:
    configure(blocked_identifiers='["shop-counter", "/test-.*/"]')
    world.change("add", {"email": ANN, "external_id": "Shop-Counter"}, {"email": BOB, "external_id": "test-17"})
    world.deliver()
    assert world.members() == {ANN, BOB}
    assert not any("external_id" in each for each in sent(world))
    assert world.left_out() == {"identifier_blocked": 2}
