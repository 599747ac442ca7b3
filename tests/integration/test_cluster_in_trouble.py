"""A node of a cluster hangs, a new one comes, a process forks meanwhile: nothing else waits for it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis
from redis.cluster import RedisCluster
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from queues import keys, metrics
from queues.acceptance import Acceptance, AcceptResult
from queues.errors import Unavailable
from queues.group_commit import GroupCommit
from queues.names import PARTITIONS, Queue
from queues.policy import FlushPolicy
from queues.server.connection import connect, connect_async
from tests.support.cluster import HOST, Nodes, cluster_of
from tests.support.ledger import change
from tests.support.waiting import until

#: Every acceptance is due at once, so that a scheduler has to be woken.
POLICY = FlushPolicy(size=1)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with cluster_of(tmp_path_factory.mktemp("nodes"), 3) as found:
        yield found


def of(nodes: Nodes, port: int, own: bool) -> list[Acceptance]:
    """Changes for queues that a node has, or for those that it has not."""
    queues = [Queue("default", "audience", str(number)) for number in range(30)]
    found = [queue for queue in queues if (nodes.owner(keys.queue(queue)) == port) == own]
    return [Acceptance(queue, POLICY, "", [change("a@example.com")]) for queue in found]


def test_a_node_that_hangs_delays_only_its_own_queues(nodes: Nodes) -> None:
    port = nodes.owner(keys.WAKE)
    its, others = of(nodes, port, True), of(nodes, port, False)

    async def accept() -> tuple[list[AcceptResult], bool, list[AcceptResult]]:
        # The hung node's answer is waited for as long as the test takes.
        async with connect_async(f"{nodes.url}?socket_timeout=120") as client:
            group = GroupCommit(client)
            await group.accept([*its, *others])
            nodes.pause(port)
            try:
                delayed = asyncio.create_task(group.accept(its))
                done = [(await group.accept([each]))[0] for each in others * 2]
                was_done = delayed.done()
            finally:
                nodes.resume(port)
            return done, was_done, await delayed

    done, was_done, delayed = asyncio.run(asyncio.wait_for(accept(), 100))
    assert not was_done
    assert all(each.fresh for each in done)
    assert len(done) == 2 * len(others)
    assert all(each.fresh for each in delayed)


@pytest.mark.parametrize("fault", [RuntimeError("closed"), AttributeError("gone"), KeyError(7), OSError("reset")])
@pytest.mark.parametrize("place", ["pipeline", "by_node", "metrics"])
def test_whatever_is_raised_for_one_node_every_request_is_answered_and_the_next_is_accepted(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch, fault: Exception, place: str
) -> None:
    port = nodes.owner(keys.WAKE)
    sent = [*of(nodes, port, True), *of(nodes, port, False)]

    async def failing(*_: object, **__: object) -> Any:
        raise fault

    def fail(*_: object, **__: object) -> Any:
        raise fault

    async def both() -> tuple[list[Any], list[Any]]:
        async with connect_async(nodes.url) as client:
            group = GroupCommit(client)
            await group.accept(sent)
            with monkeypatch.context() as patch:
                if place == "metrics":
                    patch.setattr(metrics, "on_arrival", fail)
                else:
                    patch.setattr(client, place, failing if place == "by_node" else fail)
                first = await asyncio.gather(*(group.accept([each]) for each in sent), return_exceptions=True)
            return first, await asyncio.gather(*(group.accept([each]) for each in sent))

    first, second = asyncio.run(asyncio.wait_for(both(), 60))
    refused = [isinstance(each, Unavailable) for each in first]
    assert all(refused) == (place != "metrics")
    assert all(isinstance(each, Unavailable | list) for each in first)
    assert [len(each) for each in second] == [1] * len(sent)


def test_after_a_fault_no_command_waits_for_the_topology(nodes: Nodes) -> None:
    port = nodes.owner(keys.WAKE)
    key = next(keys.partition(n, "x") for n in range(PARTITIONS) if nodes.owner(keys.partition(n, "x")) != port)

    async def ask() -> bool:
        async with connect_async(f"{nodes.url}?socket_timeout=120") as client:
            await client.get(key)
            made: Any = client
            all_of_them = made.nodes_manager.startup_nodes
            made.nodes_manager.startup_nodes = {name: n for name, n in all_of_them.items() if n.port == port}
            made._asked_at = float("-inf")  # not within the last second
            nodes.pause(port)
            try:
                made.outdated()
                await asyncio.sleep(0)
                assert await client.get(key) is None
                return not made._asking.done()
            finally:
                nodes.resume(port)
                made.nodes_manager.startup_nodes = all_of_them

    assert asyncio.run(asyncio.wait_for(ask(), 100)), "the node that hangs is still asked"


def test_a_pipeline_does_not_wait_for_a_hung_node_with_each_of_its_commands(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    as_it_is = RedisCluster._execute_command

    def noting(client: Any, node: Any, *args: Any, **more: Any) -> Any:
        asked.append(node.port)
        return as_it_is(client, node, *args, **more)  # type: ignore[no-untyped-call]

    with connect(f"{nodes.url}?socket_timeout=0.2") as client, client.pipeline(transaction=False) as pipe:
        port = nodes.owner(keys.WAKE)
        client.get("warm")
        monkeypatch.setattr(RedisCluster, "_execute_command", noting)
        nodes.pause(port)
        try:
            for number in range(PARTITIONS):
                pipe.get(keys.partition(number, "x"))
            answers = pipe.execute(raise_on_error=False)
        finally:
            nodes.resume(port)
        failed = [isinstance(each, RedisTimeoutError | RedisConnectionError) for each in answers]
    at_hung = [nodes.owner(keys.partition(number, "x")) == port for number in range(PARTITIONS)]
    assert failed == at_hung
    assert sum(at_hung) > 1
    assert asked.count(port) == 4, "once with the others, then four attempts of one command"


@pytest.fixture
def newcomer(nodes: Nodes) -> Iterator[tuple[str, int]]:
    """A key whose slot is on its way to a node that has no slot yet, and is there already; the node's port."""
    key, port = "alone in its slot", nodes.add()
    source = nodes.owner(key)
    slot = key_slot(key.encode())
    with Redis(HOST, source) as old, Redis(HOST, port) as new:
        from_id, to_id = (node.execute_command("CLUSTER MYID") for node in (old, new))
        old.set(key, "here")
        new.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", from_id)
        old.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", to_id)
        old.execute_command("MIGRATE", HOST, port, key, 0, 5_000)
        yield key, port
        for node in (new, old):
            node.execute_command("CLUSTER SETSLOT", slot, "NODE", to_id)
    until(lambda: nodes.owner(key) == port, "the nodes know who has the slot")
    nodes.move(key, source)
    until(lambda: nodes.owner(key) == source, "the nodes know that it is back")
    nodes.remove(port)


def test_keys_on_their_way_to_a_node_without_slots_are_found_there(nodes: Nodes, newcomer: tuple[str, int]) -> None:
    key, port = newcomer

    async def ask() -> Any:
        async with connect_async(nodes.url) as client:
            return await client.get(key)

    with connect(nodes.url) as client:
        known: Any = client
        assert port not in [node.port for node in known.get_nodes()]
        assert client.get(key) == b"here"
    assert asyncio.run(ask()) == b"here"


def test_a_fork_while_another_thread_asks_for_the_topology_has_no_locks_that_nobody_releases(nodes: Nodes) -> None:
    with connect(f"{nodes.url}?socket_timeout=120") as client:
        made: Any = client
        made.rq.ping()  # RQ's connection asks, as its subscription does when it connects anew
        lock = made._client().nodes_manager._initialization_lock
        asking, forked = threading.Thread(target=made._owner_of_rq), threading.Event()
        main = threading.get_ident()
        resuming = threading.Thread(target=lambda: _resume_all(nodes, lambda: _waits_in_hold(main) or forked.is_set()))
        for port in nodes.ports:
            nodes.pause(port)
        asking.start()
        until(lambda: _is_held(lock), "the thread asks")
        resuming.start()
        pid = os.fork()
        if pid == 0:
            os._exit(0 if made._owner_of_rq() and client.ping() else 1)
        forked.set()
        assert _exit_status(pid) == 0
        asking.join()
        resuming.join()


def _exit_status(pid: int) -> int:
    """How a child ended; one that hangs is killed."""
    ended: list[int] = []

    def has_ended() -> bool:
        found, status = os.waitpid(pid, os.WNOHANG)
        ended.extend([status] if found else [])
        return bool(ended)

    try:
        until(has_ended, "the child has its answer")
    finally:
        if not ended:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return ended[0]


def _resume_all(nodes: Nodes, happened: Callable[[], bool]) -> None:
    until(happened)
    for port in nodes.ports:
        nodes.resume(port)


def _waits_in_hold(thread: int) -> bool:
    """Whether a thread, before it forks, waits for the locks of others."""
    frame = sys._current_frames()[thread]
    while frame.f_back is not None and frame.f_code.co_name != "hold":
        frame = frame.f_back
    return frame.f_code.co_name == "hold"


def _is_held(lock: Any) -> bool:
    """Whether another thread has it."""
    if lock.acquire(blocking=False):
        lock.release()
        return False
    return True
