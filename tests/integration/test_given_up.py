"""A batch that is given up, or that Klaviyo refuses in part: only what is not delivered becomes a dead letter."""

from __future__ import annotations

from tests.support.world import World
from worker.refusals import MAX_ATTEMPTS


def test_who_is_on_the_list_already_is_delivered_when_the_removals_are_given_up(world: World) -> None:
    world.change("add", "stays@example.com", "gone@example.com")
    world.deliver()
    world.fault("500", times=100, match={"method": "DELETE", "path": "/api/lists/"})
    world.change("add", "new@example.com")
    world.change("remove", "gone@example.com")
    world.deliver(rings=MAX_ATTEMPTS + 5)
    assert world.dead() == {"gone@example.com": "gave_up"}
    assert "new@example.com" in world.members()
    assert world.counts() == {"accepted": 4, "open": 0, "delivered": 3, "dead": 1, "superseded": 0}
