"""Who is whom at the door, and who gives way."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.checks import networks
from console.auth.waiting_room import FREE, LONGEST_S, wait_s
from intake.http.body_memory import BodyMemory, Full, RequestBody
from intake.http.doorkeeper import AT_ONCE, EVERY_S, LOOPBACK, NAMED, Doorkeeper, RefusalCounter, peer_of, yielding

HEROKU = networks(["10.0.0.0/8"])


@pytest.mark.parametrize(
    ("host", "forwarded", "is_"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "made up, 198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "203.0.113.9, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("10.1.2.3", "198.51.100.1:4711", "198.51.100.1"),
        ("10.1.2.3", "[2001:db8:1:2::3]:4711", "2001:db8:1:2::/64"),
        ("10.1.2.3", "2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("10.1.2.3", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "198.51.100.1, unknown", "10.1.2.3"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", "10.0.0.1", "10.0.0.1"),
        ("127.0.0.1", "198.51.100.1", "127.0.0.1"),
    ],
)
def test_the_peer_is_whom_the_nearest_trusted_proxy_heard_from(host: str, forwarded: str, is_: str) -> None:
    assert peer_of(host, forwarded, HEROKU) == is_


def test_by_default_only_this_machine_is_a_proxy() -> None:
    assert peer_of("127.0.0.1", "198.51.100.1", LOOPBACK) == "198.51.100.1"
    assert peer_of("10.1.2.3", "198.51.100.1", LOOPBACK) == "10.1.2.3"


@given(st.text(), st.text())
def test_whatever_stands_in_the_header_a_peer_is_a_short_text(host: str, forwarded: str) -> None:
    assert len(peer_of(host, forwarded, HEROKU)) <= 64


@dataclass(eq=False)
class Connection:
    peer: str = "a"
    rank: int | None = 0
    waits_since: float = 0.0
    ended: list[bool] = field(default_factory=list)

    def give_way(self) -> None:
        self.ended.append(True)


def test_those_give_way_first_that_do_the_least_then_the_oldest_of_the_peer_with_the_most() -> None:
    busy, signed, idle, unsigned = (Connection(rank=rank) for rank in (None, 3, 2, 1))
    young, old, lone = Connection(waits_since=2), Connection(waits_since=1), Connection("b", waits_since=0)
    of = {"a": 6, "b": 1}.__getitem__
    left = [busy, signed, idle, unsigned, young, lone, old]
    gone = []
    while found := yielding(left, of):
        gone += found
        left = [each for each in left if each not in found]
    assert gone == [old, young, lone, unsigned, idle, signed]
    assert left == [busy]


def test_a_new_connection_finds_room_unless_all_are_at_work() -> None:
    door = Doorkeeper(LOOPBACK, 100)
    old = [Connection("127.0.0.1", waits_since=at) for at in range(100)]
    assert all(door.admit(each) for each in old)
    assert door.admit(Connection("127.0.0.1"))
    assert [bool(each.ended) for each in old] == [at < 11 for at in range(100)]
    full = Doorkeeper(LOOPBACK, 10)
    assert all(full.admit(Connection("127.0.0.1", rank=None)) for _ in range(10))
    assert not full.admit(Connection("203.0.113.7"))
    assert AT_ONCE < 100


def test_one_peer_that_is_no_proxy_has_half_of_the_connections() -> None:
    door = Doorkeeper(LOOPBACK, 10)
    first = [Connection("203.0.113.7", waits_since=at) for at in range(6)]
    other = Connection("203.0.113.8", waits_since=-1)
    assert door.admit(other)
    assert all(door.admit(each) for each in first)
    assert [bool(each.ended) for each in first] == [True, False, False, False, False, False]
    assert not other.ended


def shares() -> BodyMemory:
    return BodyMemory(total=100, share=50, unfinished=3)


async def waited_for(kept: BodyMemory, owner: str, since: float, size: int) -> tuple[RequestBody, asyncio.Task[None]]:
    """A body of which more is waited for, as the reader does, for ever."""
    body = RequestBody(owner, since)
    kept.begin(body)
    kept.take(body, size)

    async def wait() -> None:
        await asyncio.Event().wait()

    body.waits = task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    return body, task


def test_the_oldest_body_of_a_sender_with_too_much_gives_way_and_nobody_elses() -> None:
    async def story() -> None:
        kept = shares()
        other, others = await waited_for(kept, "b", 0, 40)
        old, waits = await waited_for(kept, "a", 1, 30)
        new = RequestBody("a", 2)
        kept.begin(new)
        assert kept.take(new, 30) == [old]
        with pytest.raises(asyncio.CancelledError):
            await waits
        assert (other.gone, kept.held) == (False, 70)
        with pytest.raises(Full):  # more than one may hold, and nobody else pays for it
            kept.take(new, 21)
        assert (other.gone, kept.held) == (False, 70)
        others.cancel()

    asyncio.run(story())


def test_when_all_room_is_taken_whoever_holds_the_most_gives_way_first() -> None:
    async def story() -> None:
        kept = shares()
        waiting = [await waited_for(kept, owner, at, size) for at, (owner, size) in enumerate([("b", 20), ("a", 45)])]
        third = RequestBody("c", 3)
        kept.begin(third)
        assert kept.take(third, 40) == [waiting[1][0]]
        fourth = RequestBody("d", 4)
        kept.begin(fourth)
        with pytest.raises(Full):  # one who would hold more than those who could give way
            kept.take(fourth, 45)
        for _, task in waiting:
            task.cancel()
        await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)

    asyncio.run(story())


def test_of_too_many_unfinished_bodies_of_one_sender_the_oldest_gives_way() -> None:
    async def story() -> None:
        kept = shares()
        waiting = [await waited_for(kept, "a", at, 1) for at in range(3)]
        assert kept.begin(RequestBody("b", 9)) is None
        assert kept.begin(RequestBody("a", 9)) is waiting[0][0]
        for _, task in waiting:
            task.cancel()
        await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)

    asyncio.run(story())


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40), st.booleans()), max_size=30))
def test_nobody_ever_holds_more_than_their_share_and_all_is_given_back(asked: list[tuple[str, int, bool]]) -> None:
    kept = shares()
    bodies = []
    for at, (owner, size, more) in enumerate(asked):
        body = RequestBody(owner, at)
        kept.begin(body)
        bodies.append(body)
        try:
            kept.take(body, size)
            if more:
                kept.take(body, size)
        except Full:
            kept.end(body)
        sizes = [sum(each.size for each in bodies if each.owner == name and not each.gone) for name in "abc"]
        assert max(sizes) <= 50
        assert sum(sizes) == kept.held <= 100
    for body in bodies:
        kept.end(body)
    assert kept.held == 0


@given(st.integers(0, 100))
def test_the_wait_grows_with_wrong_tokens_and_ends_somewhere(wrong: int) -> None:
    assert wait_s(wrong) <= wait_s(wrong + 1) <= LONGEST_S
    assert (wait_s(wrong) == 0) == (wrong < FREE)


def test_what_is_turned_away_is_said_once_a_minute_with_peers_and_counts(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    turned_away = RefusalCounter(lambda: now[0])
    with caplog.at_level(logging.WARNING):
        for n in range(5_000):
            turned_away.note("a connection", f"peer-{n}" if n % 2 else "203.0.113.7")
        assert len(caplog.messages) == 1
        now[0] += EVERY_S
        turned_away.tell()
        turned_away.tell()
    first, second = caplog.messages
    assert "1 times a connection of 203.0.113.7" in first
    assert "2499 times a connection of 203.0.113.7" in second
    assert second.count(" of ") == NAMED
    assert "times others" in second
