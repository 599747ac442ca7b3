"""About which connections a CDP is told to stop sending."""

from __future__ import annotations

import msgspec
import pytest

from queues.holds import CONFIRMED, OF_KEY, Hold, refused_for_good


def refused(hold: Hold, probes: int) -> bool:
    held = {b"brand-b": msgspec.json.encode(hold)}
    return refused_for_good(held, {b"brand-b": str(probes).encode()} if probes else {}) == {"brand-b"}


@pytest.mark.parametrize("reason", sorted(OF_KEY))
def test_a_key_is_refused_for_good_after_three_probes(reason: str) -> None:
    hold = Hold(reason, 1, probed=True)
    assert [refused(hold, probes) for probes in range(5)] == [False, False, False, True, True]
    assert CONFIRMED == 3


@pytest.mark.parametrize(
    "hold",
    [
        Hold("unauthenticated", 1),
        Hold("maintenance", 1),
        Hold("revision", 1, probed=True),
        Hold("setting_wrong", 1, probed=True),
        Hold("connection_unknown", 1, probed=True),
    ],
)
def test_what_is_not_in_the_key_suspends_nobody(hold: Hold) -> None:
    assert not refused(hold, 100)


def test_probes_of_a_connection_that_is_no_longer_held_count_for_nothing() -> None:
    assert refused_for_good({}, {b"brand-b": b"9"}) == frozenset()


def test_each_connection_is_judged_by_its_own_probes() -> None:
    held = {name: msgspec.json.encode(Hold("forbidden", 1, probed=True)) for name in (b"a", b"b", b"c")}
    assert refused_for_good(held, {b"a": b"3", b"b": b"2"}) == {"a"}
