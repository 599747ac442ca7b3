"""One audience for a list, whatever it comes by: mParticle's audiences, snapshots, campaigns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from queues import holds, owners, pending
from queues.clock import now_ms
from queues.names import Queue
from queues.snapshots import orders
from scheduler.tick import tick
from tests.support.intake import TOKEN, Intake, known, running
from tests.support.local_system import LocalSystem
from tests.support.posted import PATH, membership, message
from tests.support.recovery import let_time_pass, open_batches, recover
from worker.deliver import deliver

ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"
VIPS, GOLD = (Queue("mparticle-123456", "audience", number) for number in ("456", "789"))
#: Rounds in which everything that is not held comes to its end.
ROUNDS = 12


@pytest.fixture
def intake(redis_url: str) -> Iterator[Intake]:
    with running(known(redis_url)) as started:
        yield started


def work(system: LocalSystem) -> None:
    """What is not held is delivered."""
    for _ in range(ROUNDS):
        for queue in pending.all_queues(system.redis):
            if pending.look(system.redis, [queue])[0].waiting.pending:
                pending.flush(system.redis, queue, now_ms())
        let_time_pass(system.redis)
        tick(system.redis, system.connections, now_ms())
        for batch_id in open_batches(system.redis):
            deliver(batch_id)


def held(system: LocalSystem) -> list[Queue]:
    """The queues that are held as another one keeps their list."""
    found = {queue: holds.of_queue(system.redis, queue) for queue in pending.all_queues(system.redis)}
    return [queue for queue, hold in found.items() if hold and hold.reason == owners.LIST_OWNED]


def of_gold(posted: dict[str, Any]) -> dict[str, Any]:
    """The same for a second audience, which is called as the first one is."""
    return posted | {"audience_id": 789}


def subscription(action: str) -> dict[str, Any]:
    return message("audience_subscription", audience_id=456, audience_name="VIPs", action=action)


def both(*emails: str) -> dict[str, Any]:
    """One message by which these people join two audiences of one name."""
    posted = membership(*emails)
    for profile in posted["user_profiles"]:
        profile["audiences"].append(of_gold(profile["audiences"][0]))
    return posted


def test_of_two_audiences_of_one_name_in_one_message_one_is_delivered_and_the_other_held(
    system: LocalSystem, intake: Intake
) -> None:
    intake.post(PATH, both(ANN, BOB)).raise_for_status()
    work(system)
    assert system.klaviyo.members("VIPs") == {ANN, BOB}
    (second,) = held(system)
    assert second in (VIPS, GOLD)
    intake.post(PATH, both(CID)).raise_for_status()
    work(system)
    assert system.klaviyo.members("VIPs") == {ANN, BOB, CID}, "the first one goes on"
    hold = holds.of_queue(system.redis, second)
    assert hold is not None
    assert hold.owned is not None
    owners.share(system.redis, second, hold.owned.list_id)
    recover(system.redis, system.connections)
    assert held(system) == []


def test_an_audience_that_is_disconnected_gives_its_list_up_to_the_one_that_is_held(
    system: LocalSystem, intake: Intake
) -> None:
    intake.post(PATH, membership(ANN)).raise_for_status()
    work(system)
    second = membership(BOB)
    second["user_profiles"][0]["audiences"] = [of_gold(second["user_profiles"][0]["audiences"][0])]
    intake.post(PATH, second).raise_for_status()
    work(system)
    assert held(system) == [GOLD]
    intake.post(PATH, subscription("update")).raise_for_status()
    work(system)
    assert held(system) == [GOLD], "only what is disconnected gives its list up"
    intake.post(PATH, subscription("remove")).raise_for_status()
    recover(system.redis, system.connections)
    assert system.klaviyo.members("VIPs") == {ANN, BOB}
    intake.post(PATH, subscription("add")).raise_for_status()
    intake.post(PATH, membership(CID)).raise_for_status()
    work(system)
    assert held(system) == [VIPS], "connected again, it comes second"


def campaign(*emails: str, **more: Any) -> dict[str, Any]:
    groups = [{"name": "A", "members": [{"email": email} for email in emails]}]
    return {"name": "Spring", "groups": groups, "list_name": "VIPs", **more}


def test_a_campaign_into_the_list_of_an_audience_is_held_before_it_counts_whom_it_would_take_off(
    system: LocalSystem, intake: Intake
) -> None:
    intake.post(PATH, membership(ANN, BOB)).raise_for_status()
    work(system)
    (sync,) = intake.post("/v1/campaigns", campaign(CID)).json()["syncs"]
    work(system)
    (queue,) = held(system)
    assert queue.kind == orders.KIND
    told = intake.get(sync["status"], TOKEN).json()
    assert (told["state"], told["counts"]) == ("queued", None)
    intake.post(PATH, membership(BOB, action="delete")).raise_for_status()
    work(system)
    assert system.klaviyo.members("VIPs") == {ANN}, "the audience goes on"
    hold = holds.of_queue(system.redis, queue)
    assert hold is not None
    assert hold.owned is not None
    assert (str(VIPS) in hold.resolve, f"ferry release {queue}" in hold.resolve) == (True, True)
    owners.share(system.redis, orders.audience_of(queue), hold.owned.list_id)
    recover(system.redis, system.connections)
    assert system.klaviyo.members("VIPs") == {CID}, "it is what a campaign says: a person wanted it so"
    assert intake.get(sync["status"], TOKEN).json()["state"] == "delivered"


def test_an_audience_into_the_list_of_a_campaign_is_held_and_the_next_campaign_is_not(
    system: LocalSystem, intake: Intake
) -> None:
    intake.post("/v1/campaigns", campaign(ANN, BOB)).raise_for_status()
    work(system)
    intake.post(PATH, membership(CID)).raise_for_status()
    work(system)
    assert held(system) == [VIPS]
    intake.post("/v1/campaigns", campaign(BOB, confirm=True)).raise_for_status()
    work(system)
    assert system.klaviyo.members("VIPs") == {BOB}


def test_a_campaign_and_an_audience_that_both_make_the_list_are_told_apart_when_they_upload(
    system: LocalSystem, intake: Intake
) -> None:
    intake.post(PATH, membership(ANN)).raise_for_status()
    intake.post("/v1/campaigns", campaign(CID)).raise_for_status()
    work(system)
    (queue,) = held(system)
    assert system.klaviyo.members("VIPs") == ({CID} if queue == VIPS else {ANN})
