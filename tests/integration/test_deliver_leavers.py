"""Who leaves an audience is found on its list and taken off."""

from __future__ import annotations

from tests.support.world import World, addresses


def test_leavers_are_looked_up_page_by_page_and_removed_by_relationship(world: World) -> None:
    world.change("add", *addresses(250))
    world.deliver()
    world.change("remove", *addresses(230))
    world.deliver()
    assert world.members() == set(addresses(250)[230:])
    of_list = f"/api/lists/{world.requests('/api/lists/')[0]['path'].split('/')[3]}"
    assert len(world.requests(f"{of_list}/profiles", "GET")) >= 3
    assert len(world.requests(f"{of_list}/relationships/profiles", "DELETE")) == 1
    assert all("subscription" not in r["path"] for r in world.requests())


def test_somebody_who_left_keeps_their_profile(world: World) -> None:
    world.change("add", {"email": "a@example.com", "attributes": {"plan": "gold"}})
    world.deliver()
    world.change("remove", "a@example.com")
    world.deliver()
    found = world.person("a@example.com")
    assert found is not None
    assert found["properties"] == {"plan": "gold"}


def test_leavers_without_an_address_are_found_by_phone_or_external_id(world: World) -> None:
    people = [{"phone": "+14155552671"}, {"external_id": "c-1"}]
    world.change("add", *people)
    world.deliver()
    assert len(world.members()) == 2
    world.change("remove", *people)
    world.deliver()
    assert world.members() == set()


def test_a_leaver_known_by_a_national_phone_only_is_found(world: World) -> None:
    person = {"phone": "(415) 555-2671", "attributes": {"country": "US"}}
    world.change("add", person)
    world.deliver()
    assert world.members() == {"+14155552671"}
    world.change("remove", person)
    world.deliver()
    assert world.members() == set()
