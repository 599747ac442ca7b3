"""Ferry's clients of a Redis Cluster: they wait for its nodes, ask all of them, and lead RQ to the right one."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.serializers import JSONSerializer

import commands.web
import scheduler.main
import worker.main
from intake import readiness
from local import embedded_cluster
from ops.checks.redis_server import server_checks
from queues import doorbell, keys
from queues.acceptance import Acceptance
from queues.change import decode
from queues.errors import NodeOfCluster, Unavailable
from queues.group_commit import GroupCommit
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.server.cluster_async import AsyncCluster
from queues.server.connection import Durability, connect, connect_async
from queues.server.rollback import EpochWatch
from tests.support.cluster import HOST, Nodes, cluster_of
from tests.support.intake import known
from tests.support.ledger import change
from tests.support.ops import ferry
from tests.support.valkey import command, wait_until_up
from tests.support.waiting import until
from tests.support.web import free_port
from worker.process import settings_of_process

NOW = 1_800_000_000_000


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with cluster_of(tmp_path_factory.mktemp("nodes"), 3) as found:
        yield found


@pytest.fixture
def redis(nodes: Nodes) -> Iterator[Any]:
    """Of an empty cluster; Any, because it has more methods than the client of one server."""
    with connect(nodes.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def own_signals() -> Iterator[None]:
    """What a process sets is undone."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_clients_made_while_no_node_is_up_raise_as_those_of_one_server_and_work_when_one_comes(tmp_path: Path) -> None:
    nodes = Nodes(tmp_path, 1, 0)
    accepted = Acceptance(Queue("default", "audience", "42"), FlushPolicy(), "", [change("a@example.com")])

    async def accepts(group: GroupCommit) -> bool:
        try:
            return (await group.accept([accepted]))[0].fresh
        except Unavailable:
            return False

    async def wait_for_a_node() -> list[bool]:
        async with connect_async(nodes.url) as client:
            group = GroupCommit(client)
            found = [await accepts(group), await accepts(group)]
            nodes.start(nodes.ports[0])
            await asyncio.to_thread(nodes.join)
            while not await accepts(group):  # it asks once a second
                await asyncio.sleep(0.05)
            return found

    with connect(nodes.url) as redis:
        try:
            for attempt in (redis.ping, redis.info, lambda: doorbell.ring(redis, ["00-a"], NOW)):
                with pytest.raises(RedisConnectionError):
                    attempt()
            assert asyncio.run(asyncio.wait_for(wait_for_a_node(), 60)) == [False, False]
            assert redis.ping()
            assert doorbell.ring(redis, ["00-a"], NOW) == ["00-a"]
        finally:
            nodes.kill_all()


def test_a_slot_that_moves_while_changes_flow_loses_none_and_keeps_their_order(nodes: Nodes, redis: Any) -> None:
    queue = Queue("default", "audience", "42")
    key = keys.queue(queue, "pending")
    target = next(port for port in nodes.ports if port != nodes.owner(key))

    async def send(group: GroupCommit, number: int) -> None:
        sent = Acceptance(queue, FlushPolicy(), f"m{number}", [change(f"{number:05}@example.com")])
        while True:
            try:
                await group.accept([sent])
            except Unavailable:
                await asyncio.sleep(0.01)  # the sender repeats it
            else:
                return

    async def flow() -> int:
        async with connect_async(nodes.url) as client:
            group, number, after = GroupCommit(client), 0, 0
            moving: asyncio.Task[None] | None = None
            while after < 20:
                await send(group, number)
                number += 1
                if number == 200:
                    moving = asyncio.create_task(asyncio.to_thread(nodes.move, key, target))
                after += moving is not None and moving.done()
            assert moving is not None
            await moving
            return number

    sent = asyncio.run(asyncio.wait_for(flow(), 120))
    until(lambda: nodes.owner(key) == target, "all nodes know")
    stored = [msgspec.json.decode(decode(each).body.person)["email"] for each in redis.lrange(key, 0, -1)]
    assert stored == [f"{number:05}@example.com" for number in range(sent)]


def test_what_is_written_elsewhere_than_its_confirmation_was_asked_for_is_refused(tmp_path: Path) -> None:
    queue = Queue("default", "audience", "42")
    key = keys.queue(queue)

    async def accept(nodes: Nodes) -> list[bool]:
        async with connect_async(nodes.url) as client:
            group, number = GroupCommit(client, durability=Durability(replicas=1)), 0
            done: list[bool] = []
            while len(done) < 3:
                sent = [Acceptance(queue, FlushPolicy(), f"m{number}", [change("a@example.com")])]
                try:
                    done += [each.fresh for each in await group.accept(sent)]
                    number += 1
                except Unavailable:
                    done += [False]
                if len(done) == 1:
                    target = next(port for port in nodes.masters() if port != nodes.owner(key))
                    await asyncio.to_thread(nodes.move, key, target)
            return done

    with cluster_of(tmp_path, 2, 2, "--repl-diskless-sync-delay", "0") as nodes, connect(nodes.url) as redis:
        assert asyncio.run(asyncio.wait_for(accept(nodes), 60)) == [True, False, True]
        assert redis.llen(keys.queue(queue, "pending")) == 2


def test_what_became_known_to_be_elsewhere_while_it_waited_for_a_connection_is_refused(tmp_path: Path) -> None:
    def message(message_id: str, *queues: Queue) -> list[Acceptance]:
        return [Acceptance(each, FlushPolicy(), message_id, [change("a@example.com")]) for each in queues]

    async def accept(nodes: Nodes, stays: Queue, moves: Queue, there: Queue) -> list[bool]:
        async with connect_async(nodes.url, 2) as client:  # one command at a time
            group, others = GroupCommit(client, durability=Durability(replicas=1)), copy_context()
            await group.accept(message("m1", stays, there))  # both nodes know the script now
            sent = message("m2", stays, moves)
            await asyncio.to_thread(nodes.move, keys.queue(moves), nodes.owner(keys.queue(there)))
            async with cast("AsyncCluster", client).turn():
                accepting = asyncio.create_task(group.accept(sent), context=others)
                for _ in range(100):  # until it has grouped them by node, and waits
                    await asyncio.sleep(0)
                await cast("AsyncCluster", client).nodes_manager.initialize()
            with pytest.raises(Unavailable):
                await accepting
            return [each.fresh for each in await group.accept(sent)]

    with cluster_of(tmp_path, 2, 2, "--repl-diskless-sync-delay", "0") as nodes:
        by_node: dict[int, dict[int, Queue]] = {}
        for queue in (Queue("default", "audience", str(number)) for number in range(100)):
            by_node.setdefault(nodes.owner(keys.queue(queue)), {})[queue.partition] = queue
        (stays, moves, *_), (there, *_) = (list(found.values()) for found in by_node.values())
        assert asyncio.run(asyncio.wait_for(accept(nodes, stays, moves, there), 60)) == [False, True]


def ring_works(redis: Any) -> bool:
    """Whether RQ takes a job."""
    return doorbell.ring(redis, ["00-b"], NOW) == ["00-b"]


def test_rqs_slot_may_move_too(nodes: Nodes, redis: Any) -> None:
    assert ring_works(redis)
    nodes.move(keys.RQ_PREFIX, next(port for port in nodes.ports if port != nodes.owner(keys.RQ_PREFIX)))
    assert doorbell.rq_queue(redis).job_ids == [f"00-b_{NOW}"]
    assert doorbell.ring(redis, ["00-c"], NOW) == ["00-c"]


def test_the_figures_are_those_of_the_worst_master(nodes: Nodes, redis: Any) -> None:
    async def seen() -> list[readiness.Check]:
        async with connect_async(nodes.url) as client:
            return await readiness.checks(client, NOW)

    with Redis(HOST, nodes.ports[2]) as node:
        node.config_set("maxmemory", "100mb")
        node.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert redis.info("memory")["maxmemory"] == 100 * 1024 * 1024
            (eviction,) = (check for check in server_checks(redis, known("").durable) if check.name == "eviction")
            assert (eviction.ok, eviction.detail.partition(":")[0]) == (False, "allkeys-lru")
            assert eviction in asyncio.run(seen())
        finally:
            node.config_set("maxmemory-policy", "noeviction")
            node.config_set("maxmemory", 0)


@pytest.mark.parametrize("place", range(3))
def test_one_master_that_was_emptied_is_noticed(nodes: Nodes, redis: Any, place: int) -> None:
    watch = EpochWatch()
    assert not watch.emptied(redis, NOW)
    with Redis(HOST, nodes.ports[place]) as node:
        node.flushall()
    assert watch.emptied(redis, NOW)
    assert not watch.emptied(redis, NOW)


def test_rq_runs_its_jobs_at_the_node_that_has_them(
    nodes: Nodes, redis: Any, monkeypatch: pytest.MonkeyPatch, own_signals: None
) -> None:
    monkeypatch.setenv("REDIS_URL", nodes.url)
    settings_of_process.cache_clear()
    queue, client = doorbell.rq_queue(redis), doorbell.rq_client(redis)
    doorbell.ring(redis, ["00-gone", "nonsense"], NOW)
    rq_worker = SimpleWorker([queue], connection=client, serializer=JSONSerializer)
    assert doorbell.workers(redis) == {}
    rq_worker.work(burst=True, logging_level="CRITICAL")
    assert queue.job_ids == queue.started_job_registry.get_job_ids() == queue.finished_job_registry.get_job_ids() == []
    assert queue.failed_job_registry.get_job_ids() == [f"nonsense_{NOW}"], "it names no batch"
    doorbell.forget_failures(redis, 0)
    assert queue.failed_job_registry.get_job_ids() == []
    settings_of_process.cache_clear()


@pytest.fixture
def plain(nodes: Nodes) -> str:
    """What leads to one node as if it were the only server."""
    return f"redis://{HOST}:{nodes.ports[0]}/0"


@pytest.mark.parametrize(
    "begin", [worker.main.run, scheduler.main.run, commands.web._is_ours], ids=["worker", "scheduler", "web"]
)
def test_every_process_refuses_the_url_of_one_server_for_a_node(
    plain: str, begin: Any, own_signals: None, redis: Any
) -> None:
    with pytest.raises(
        Exception, match=r"it is a node of a Redis Cluster.*Set REDIS_URL to redis\+cluster://"
    ) as found:
        begin(known(plain))
    assert isinstance(found.value, NodeOfCluster) or isinstance(found.value.__cause__, NodeOfCluster)
    assert redis.dbsize(target_nodes="primaries") == 0


@pytest.mark.parametrize("words", [("status",), ("flush", "--all")])
def test_every_command_refuses_it_too(plain: str, tmp_path: Path, words: tuple[str, ...]) -> None:
    told = ferry(plain, tmp_path, *words)
    assert told.exit_code == 2
    assert "it is a node of a Redis Cluster. Nothing was written. Set REDIS_URL to redis+cluster://" in told.output


def test_the_url_of_a_cluster_is_refused_for_one_server(tmp_path: Path) -> None:
    port = free_port()
    words = command("--port", str(port), "--bind", HOST, "--dir", str(tmp_path))
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as alone:
        wait_until_up(f"redis://{HOST}:{port}")
        client = connect(f"redis+cluster://{HOST}:{port}")
        with pytest.raises(RedisError, match="Cluster mode is not enabled on this node"):
            client.ping()
        alone.kill()


@pytest.mark.parametrize("words", [("status",), ("doctor",), ("users", "list"), ("holds",)])
def test_commands_work_on_a_cluster(nodes: Nodes, redis: Any, tmp_path: Path, words: tuple[str, ...]) -> None:
    told = ferry(nodes.url, tmp_path, *words)
    assert told.exception is None or isinstance(told.exception, SystemExit), told.output
    assert "cannot be used" not in told.output


def test_a_fault_of_the_cluster_client_quotes_no_command(redis: Any) -> None:
    with pytest.raises(RedisConnectionError, match="cannot be used: RedisClusterException") as found:
        redis.eval("return 1", 2, "a", "ann@example.com")
    assert found.value.__cause__ is None
    assert "ann@" not in str(found.value)


def test_the_demo_has_a_cluster_of_three_nodes(tmp_path: Path) -> None:
    with embedded_cluster.running(tmp_path) as url, connect(url) as client:
        masters: Any = client
        assert len(masters.get_primaries()) == url.count(",") + 1 == 3
        assert client.info()["aof_enabled"] == 1
    with connect(url) as gone, pytest.raises(RedisConnectionError):
        gone.ping()
