"""Connections that are added while a process runs."""

from __future__ import annotations

import falcon
import pytest

from configuration.connections import AudienceSettings, Connection, Connections, UnknownConnection, is_name
from queues.errors import Unavailable
from queues.policy import FlushPolicy
from tests.support.senders import choose


def known() -> Connections:
    default = Connection(
        "default", "pk_default", policy=FlushPolicy(7), mparticle_account=3, audiences={"42": AudienceSettings("L1")}
    )
    return Connections({"default": default, "brand-b": Connection("brand-b", "pk_b")})


def test_one_that_was_added_has_the_settings_of_default_but_neither_its_key_nor_its_lists() -> None:
    connections = known()
    connections.include(["brand-c"])
    added = connections.named("brand-c")
    assert (added.name, added.policy.size) == ("brand-c", 7)
    assert (added.api_key, added.mparticle_account, dict(added.audiences)) == (None, None, {})
    assert connections.for_mparticle(3).name == "default"


def test_a_configured_one_stays_as_it_is_configured() -> None:
    connections = known()
    connections.include(["brand-b"])
    assert connections.named("brand-b").api_key == "pk_b"
    assert [each.name for each in connections] == ["default", "brand-b"]


def test_one_that_was_removed_is_unknown_again() -> None:
    connections = known()
    connections.include(["brand-c", "brand-d"])
    assert [each.name for each in connections] == ["default", "brand-b", "brand-c", "brand-d"]
    connections.include(["brand-d"])
    with pytest.raises(UnknownConnection, match="known: brand-b, brand-d, default"):
        connections.named("brand-c")


def test_until_those_added_were_looked_up_nobody_is_told_for_good_that_there_is_no_such() -> None:
    connections = known()
    connections.complete = False
    assert choose(connections)("brand-b").name == "brand-b"
    with pytest.raises(Unavailable):
        choose(connections)("brand-c")
    connections.include([])
    with pytest.raises(falcon.HTTPNotFound):
        choose(connections)("brand-c")


@pytest.mark.parametrize(
    ("name", "may"),
    [("brand-c", True), ("9_a", True), ("default", True), ("mparticle-7", False), ("Brand", False), ("a/b", False)],
)
def test_a_name_is_short_and_plain_and_not_that_of_an_mparticle_account(name: str, may: bool) -> None:
    assert is_name(name) is may
    assert not is_name("a" * 41)
