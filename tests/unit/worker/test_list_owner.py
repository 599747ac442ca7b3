"""Which list an audience used before lists had owners, and what a person is told where two lead to one."""

from __future__ import annotations

from typing import Any

import pytest

from configuration.connections import AudienceSettings, Connection
from mappings.rules import Rules
from queues.names import Queue
from queues.owners import KnownList
from worker.connection import Destination, resolve
from worker.lists import conflict_remedy, in_use

VIPS, GOLD = (Queue("default", "audience", number) for number in ("42", "43"))


def to(**more: Any) -> Destination:
    named: dict[str, Any] = {"list_id": None, "list_name": None, "known_as": "VIPs", "given_id": None}
    return Destination("pk_test", Rules(), **{**named, **more})


def known(**more: Any) -> KnownList:
    nothing: dict[str, Any] = {"keeps": None, "shares": None, "list_id": None, "list_name": "", "delivered": 0}
    return KnownList(**{**nothing, "audience": {"name": "VIPs"}, **more})


@pytest.mark.parametrize(
    ("destination", "ledger", "expected"),
    [
        (to(), known(), None),
        (to(), known(delivered=3), None),  # attributes alone, or people who left a list that never was
        (to(), known(list_id="L1", list_name="VIPs"), "L1"),
        (to(known_as="Called otherwise"), known(list_id="L1", list_name="VIPs"), "L1"),
        (to(list_name="VIPs"), known(list_id="L1", list_name="VIPs"), "L1"),
        (to(list_name="Moved"), known(list_id="L1", list_name="VIPs"), None),
        (to(list_id="L2"), known(list_id="L1", list_name="VIPs", delivered=3), "L2"),
        (to(list_id="L2"), known(delivered=3), "L2"),
        (to(list_id="L2"), known(), None),
        (to(given_id="L3"), known(), None),
        (to(), known(list_id="L1", list_name="VIPs", audience={"name": "VIPs", "action": "remove"}), None),
        (to(list_id="L2"), known(delivered=3, audience={"action": "remove"}), None),
    ],
)
def test_an_audience_used_the_list_to_which_it_was_delivered_and_still_goes(
    destination: Destination, ledger: KnownList, expected: str | None
) -> None:
    assert in_use(destination, ledger) == expected


def test_the_hold_names_both_audiences_the_list_and_every_way_out() -> None:
    text = conflict_remedy("L1", (VIPS, "Spring"), (GOLD, "Gold"))
    assert text.startswith(
        f"Klaviyo's list L1 is kept by 'Spring' ({VIPS}), and 'Gold' ({GOLD}) uses it too: each would remove"
    )
    for way in (f"ferry release {GOLD}", "shared_list = true", "name another list", "disconnect the first"):
        assert way in text
    assert f"kept by {VIPS}, and" in conflict_remedy("L1", (VIPS, ""), (GOLD, "Gold")), (
        "of one the CDP has told no name"
    )


@pytest.mark.parametrize(
    ("connection", "audience", "expected"),
    [(False, None, False), (True, None, True), (False, True, True), (True, False, False), (True, True, True)],
)
def test_what_is_said_of_an_audience_goes_before_what_is_said_of_its_connection(
    connection: bool, audience: bool | None, expected: bool
) -> None:
    configured = Connection("a", shared_list=connection, audiences={"42": AudienceSettings(shared_list=audience)})
    assert configured.may_share("42") == expected
    assert configured.may_share("another") == connection
    assert resolve(configured, "pk_test", {}, {}, "42").shared_list == expected
