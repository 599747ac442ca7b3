"""Which queue keeps a list, on real servers: the first that asks, until it has given the list up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from redis import Redis

from queues import keys, owners
from queues.names import Queue
from tests.support.ledger import on_every_server

pytestmark = on_every_server

#: The audiences of one name in two connections, which may lead to one account.
FIRST, SECOND, THIRD = (
    Queue(*parts) for parts in (("a", "audience", "1"), ("b", "audience", "1"), ("a", "audience", "2"))
)
ASKING = 12


def said_last(redis: Redis, queue: Queue, **more: str) -> None:
    """What the CDP said of the audience."""
    redis.hset(keys.queue(queue), "audience", msgspec.json.encode({"name": "VIPs", "settings": {}, **more}))


def test_a_list_is_kept_by_the_first_that_asks_however_often_others_do(redis: Redis) -> None:
    assert owners.keeper(redis, "L1") is None
    assert owners.own(redis, FIRST, "L1") == FIRST
    assert [owners.own(redis, queue, "L1") for queue in (SECOND, THIRD, FIRST)] == [FIRST] * 3
    assert owners.keeper(redis, "L1") == FIRST
    assert owners.own(redis, SECOND, "L2") == SECOND


@pytest.mark.parametrize("given_up", [False, True], ids=["a new list", "one that was given up"])
def test_of_many_that_ask_at_once_one_keeps_the_list(redis: Redis, given_up: bool) -> None:
    if given_up:
        owners.own(redis, FIRST, "L1")
        owners.give_up(redis, FIRST)
    queues = [Queue("c", "audience", str(number)) for number in range(ASKING)]
    with ThreadPoolExecutor(ASKING) as threads:
        told = set(threads.map(lambda queue: owners.own(redis, queue, "L1"), queues))
    assert len(told) == 1
    assert told == {owners.keeper(redis, "L1")}


def test_a_list_that_somebody_else_took_over_in_between_stays_theirs(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners.own(redis, FIRST, "L1")
    owners.give_up(redis, FIRST)
    looks = owners._keeps

    def third_is_faster(redis: Redis, queue: Queue, list_id: str) -> bool:
        """SECOND sees that FIRST has given the list up, and before it says so THIRD has taken it."""
        found = looks(redis, queue, list_id)
        monkeypatch.setattr(owners, "_keeps", looks)
        assert owners.own(redis, THIRD, "L1") == THIRD
        return found

    monkeypatch.setattr(owners, "_keeps", third_is_faster)
    assert owners.own(redis, SECOND, "L1") == THIRD
    assert owners.keeper(redis, "L1") == THIRD


def test_whoever_keeps_another_list_since_has_given_up_the_first(redis: Redis) -> None:
    owners.own(redis, FIRST, "L1")
    owners.own(redis, FIRST, "L2")
    assert (owners.keeper(redis, "L1"), owners.keeper(redis, "L2")) == (None, FIRST)
    assert owners.own(redis, SECOND, "L1") == SECOND
    assert owners.own(redis, FIRST, "L1") == SECOND, "it comes back too late"


def test_whoever_comes_back_before_anybody_else_keeps_the_list_again(redis: Redis) -> None:
    for list_id in ("L1", "L2", "L1"):
        assert owners.own(redis, FIRST, list_id) == FIRST
    assert owners.own(redis, SECOND, "L1") == FIRST


def test_an_audience_that_its_cdp_disconnects_keeps_nothing_until_it_is_connected_again(redis: Redis) -> None:
    said_last(redis, FIRST)
    owners.own(redis, FIRST, "L1")
    said_last(redis, FIRST, action="remove")
    assert owners.keeper(redis, "L1") is None
    said_last(redis, FIRST)
    assert owners.keeper(redis, "L1") == FIRST, "nobody wanted it meanwhile"
    said_last(redis, FIRST, action="remove")
    assert owners.own(redis, SECOND, "L1") == SECOND
    said_last(redis, FIRST)
    assert owners.own(redis, FIRST, "L1") == SECOND


def test_only_the_list_that_was_named_may_be_shared_and_by_nobody_else(redis: Redis) -> None:
    owners.own(redis, FIRST, "L1")
    owners.share(redis, SECOND, "L1")
    asked = [(SECOND, "L1"), (SECOND, "L2"), (THIRD, "L1")]
    assert [owners.may_share(redis, *each) for each in asked] == [True, False, False]
    owners.give_up(redis, SECOND)
    assert not owners.may_share(redis, SECOND, "L1")


def test_only_pairs_of_which_both_use_the_list_still_are_shared(redis: Redis) -> None:
    for queue in (FIRST, SECOND, THIRD):
        redis.sadd(keys.partition(queue.partition, "queues"), str(queue))
    owners.own(redis, FIRST, "L1")
    owners.share(redis, SECOND, "L1")
    owners.share(redis, THIRD, "L2")
    assert owners.shared(redis) == [("L1", FIRST, SECOND)]
    owners.give_up(redis, FIRST)
    assert owners.shared(redis) == []
    owners.own(redis, SECOND, "L1")
    assert owners.shared(redis) == [], "it keeps the list itself by now"
