"""The ledger on Redis Cluster: every script touches the keys of one partition only, whatever partition it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from redis.exceptions import RedisError

from queues import batches, bounds, dead_letters, erasure, figures, holds, keys, owners, pending
from queues import letter_scan as looks
from queues.acceptance import Acceptance, AcceptResult, DeadOnArrival, accept
from queues.census import count
from queues.change import Body, encode, person_key
from queues.connections import account_keys
from queues.connections.accounts import AccountSettings, Cipher
from queues.errors import LeaseLost
from queues.group_commit import GroupCommit
from queues.history import batches as history
from queues.history import hours, last_batches
from queues.history.settled import BatchOutcomes, Settled, columns, pack
from queues.names import PARTITIONS, Queue
from queues.people import consents
from queues.policy import FlushPolicy, decide
from queues.server import room
from queues.server.connection import connect_async
from queues.settlement import Settlement, Undeliverable
from queues.snapshots import members, orders
from queues.snapshots.members import Bucket, Member
from queues.snapshots.mirror import mirror
from queues.snapshots.orders import Record, SnapshotOrder
from tests.support.cluster import running_cluster

NOW = 1_800_000_000_000
LEASE = 60_000
POLICY = FlushPolicy(size=5, upload_max=5)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as client:
        yield client


def url_of(cluster: Any) -> str:
    """What leads to the cluster by one of its nodes."""
    known = cluster.get_primaries()[0]
    return f"redis+cluster://{known.host}:{known.port}"


def queue_of_each_partition() -> list[Queue]:
    found: dict[int, Queue] = {}
    number = 0
    while len(found) < PARTITIONS:
        queue = Queue("default", "audience", str(number))
        found.setdefault(queue.partition, queue)
        number += 1
    return sorted(found.values(), key=lambda queue: queue.partition)


def changes(*people: str) -> list[bytes]:
    return [
        encode((person_key("email", p),), NOW, Body("add", NOW, "changes", "m", msgspec.Raw(b'{"email":"x"}')))
        for p in people
    ]


def take(cluster: Any, queue: Queue) -> str:
    (seen,) = pending.look(cluster, [queue])
    decision = decide(seen.waiting, POLICY, NOW)
    assert decision is not None
    batch_id = pending.take(cluster, seen, decision[0], decision[1], NOW)
    assert batch_id is not None
    return batch_id


def test_the_cluster_refuses_a_script_over_two_partitions(cluster: Any) -> None:
    with pytest.raises(RedisError):
        cluster.eval("return redis.call('GET', KEYS[1])", 2, keys.partition(1, "due"), keys.partition(2, "due"))


@pytest.mark.parametrize("queue", queue_of_each_partition(), ids=lambda queue: f"partition-{queue.partition}")
def test_every_transition_of_a_queue_stays_in_its_partition(cluster: Any, queue: Queue) -> None:
    dead = [DeadOnArrival(changes("dead")[0], "malformed", "$")]
    accepted = Acceptance(queue, POLICY, "m1", changes("a", "b", "c", "d", "e"), dead, b'{"name":"VIPs"}')
    assert accept(cluster, accepted, NOW).became_due
    assert not accept(cluster, accepted, NOW).fresh
    assert queue in pending.due(cluster, NOW)
    batch_id = take(cluster, queue)
    assert batch_id in batches.to_ring(cluster, NOW)
    batches.rung(cluster, [batch_id], NOW + 1)
    stale = batches.reclaim(cluster, batch_id, NOW + 1, LEASE)
    batch = batches.reclaim(cluster, batch_id, NOW + LEASE + 1, LEASE)
    assert stale is not None
    assert batch is not None
    batches.renew(cluster, batch, NOW, LEASE)
    batches.submit(cluster, batch, b'{"stage":"confirm"}')
    with pytest.raises(LeaseLost):
        batches.submit(cluster, stale, b"{}")
    dead_in_batch = [Undeliverable(4, "no_email", {})]
    told = pack(Settled(batch.id, batch.reason, NOW, NOW, 0, BatchOutcomes(), columns(batch.changes, NOW)))
    batches.settle(cluster, batch, Settlement(1, dead_in_batch, [0], {"phone_invalid": 1}, told), NOW)
    assert hours.of_queues(cluster, [queue], NOW)[queue][-1].delivered == 3
    assert batch_id in {each.batch for each in last_batches.last(cluster, last_batches.KEPT, {})}
    person = batch.changes[1].keys
    assert [each.index for each in history.of_person(cluster, queue, person)] == [1]
    assert history.forget(cluster, queue, person, NOW) == 1
    assert history.trim(cluster, [queue], NOW + bounds.TOLD_MS + 1) == 1
    letters = [letter.id for letter in dead_letters.read(cluster, queue)]
    assert [f"{at}-{nth}" for at, nth, _ in looks.glances(cluster, queue)] == letters[::-1]
    assert looks.under_way(cluster, looks.some(cluster, [(queue, each) for each in letters])) == [False, False]
    assert dead_letters.purge(cluster, queue, letters[:1]) == 1
    assert dead_letters.replay(cluster, queue, letters[1:], NOW).replayed == 1
    assert pending.flush(cluster, queue, NOW) == 1
    pending.set_policies(cluster, {queue: FlushPolicy(size=50)}, NOW)
    (found,) = count(cluster, [queue])
    assert (found.accepted, found.waiting.pending, found.delivered, found.superseded) == (6, 1, 3, 1)
    assert (found.dead, found.missing) == (1, 0)
    holds.place(cluster, queue, holds.Hold("by hand", NOW))
    figures.recount(cluster, [queue])
    assert holds.release(cluster, queue)


@pytest.mark.parametrize("queue", queue_of_each_partition(), ids=lambda queue: f"partition-{queue.partition}")
def test_a_snapshot_stays_in_the_partitions_of_its_queue_and_its_audience(cluster: Any, queue: Queue) -> None:
    syncs = orders.queue_of(queue.connection, queue.target)
    name = orders.new_id(syncs)
    orders.stage(cluster, name, 0, orders.compress(b"body"))
    record = Record(str(syncs), SnapshotOrder(name, NOW, "csv"), NOW, 4)
    assert orders.submit(cluster, syncs, record, b"", NOW).fresh
    orders.keep(cluster, name)
    orders.note(cluster, record)
    assert list(orders.body(cluster, name)) == [b"body"]
    assert orders.records(cluster, syncs) == [record]
    members.begin(cluster, queue, name)
    accept(cluster, Acceptance(queue, POLICY, "", changes("m")), NOW)
    members.forget(cluster, [syncs], ["email:o"], [person_key("email", "o")], NOW)
    assert mirror(cluster, queue, POLICY, name, 0, changes("m", "n", "o"), b"", NOW) == 2
    members.edit(cluster, queue, [1, 2], lambda _, bucket: Bucket({"email:n": Member(NOW)}))
    assert members.read(cluster, queue, [2])[2].members == {"email:n": Member(NOW)}
    members.end(cluster, queue, name, NOW)
    members.begin(cluster, queue, "repair", NOW)
    assert members.let_go_of_lapsed(cluster, [queue], NOW + 1) == [queue]
    orders.close(cluster, record)


def test_one_message_for_all_partitions_is_committed_in_one_go(cluster: Any) -> None:
    acceptances = [Acceptance(queue, POLICY, "m2", changes("g")) for queue in queue_of_each_partition()]
    cluster.script_flush()

    async def commit() -> list[AcceptResult]:
        async with connect_async(url_of(cluster)) as client:
            group = GroupCommit(client)
            await group.accept(acceptances)
            return await group.accept(acceptances)

    assert [accepted.fresh for accepted in asyncio.run(commit())] == [False] * PARTITIONS


def test_a_person_is_forgotten_in_all_partitions(cluster: Any) -> None:
    queues = queue_of_each_partition()
    cluster.flushall(target_nodes="primaries")
    dead = [DeadOnArrival(changes("k")[0], "x", "")]
    for queue in queues:
        accept(cluster, Acceptance(queue, POLICY, "", changes("k", "l"), dead), NOW)
    persons = [person_key("email", "k"), person_key("mpid", "k")]

    async def tell() -> None:
        async with connect_async(url_of(cluster)) as client:
            await consents.remember(client, "default", persons, {"newsletter": (True, NOW)})

    asyncio.run(tell())
    assert consents.recall(cluster, "default", [persons]) == [[{"newsletter": (True, NOW)}] * 2]
    for queue in queues:
        found = erasure.carried(cluster, queue, persons)
        gone = erasure.erase(cluster, queue, found.pending, [letter.id for letter in found.letters], NOW)
        assert gone == erasure.Erased(1, 1)
        pending.flush(cluster, queue, NOW)
        batch_id = take(cluster, queue)
        (place,) = erasure.carried(cluster, queue, [person_key("email", "l")]).open
        assert erasure.blank_out(cluster, batch_id, {place.number: place.change}, b"", b"")
    consents.forget(cluster, "default", persons[:1], [])
    assert consents.recall(cluster, "default", [persons]) == [[{}, {}]]
    assert {(found.open, found.missing) for found in count(cluster, queues)} == {(1, 0)}


def test_what_waits_in_all_partitions_is_counted_and_refuses_more(cluster: Any) -> None:
    for queue in queue_of_each_partition():
        accept(cluster, Acceptance(queue, POLICY, "", changes("h", "i")), NOW)

    async def full(most: int) -> str:
        async with connect_async(url_of(cluster)) as client:
            return await room.look(client, most)

    waiting = sum(cluster.llen(keys.queue(queue, "pending")) for queue in pending.all_queues(cluster))
    assert asyncio.run(full(waiting + 1)) == ""
    assert asyncio.run(full(waiting)).startswith(f"{waiting} changes are pending")


def test_lists_have_owners_in_every_partition(cluster: Any) -> None:
    first, *others = queue_of_each_partition()
    assert {owners.own(cluster, queue, "L1") for queue in (first, *others)} == {first}
    owners.share(cluster, others[0], "L1")
    cluster.sadd(keys.partition(others[0].partition, "queues"), str(others[0]))
    assert owners.shared(cluster) == [("L1", first, others[0])]
    owners.give_up(cluster, first)
    assert owners.keeper(cluster, "L1") is None


def test_dead_letters_are_evicted_over_all_servers(cluster: Any) -> None:
    queues = queue_of_each_partition()
    for queue in queues:
        (letter,) = changes("j")
        accept(cluster, Acceptance(queue, POLICY, "", [], [DeadOnArrival(letter, "malformed", "")]), NOW)
    assert all(kept.letters > 0 for kept in dead_letters.kept(cluster, queues))
    assert all(dead_letters.evict(cluster, queue, letters=0, since=0, spared="other") > 0 for queue in queues)
    assert {kept.letters for kept in dead_letters.kept(cluster, queues)} == {0}


def test_what_looks_at_all_partitions_works_over_all_servers(cluster: Any) -> None:
    queues = queue_of_each_partition()
    for queue in queues:
        accept(cluster, Acceptance(queue, POLICY, "", changes("f")), NOW)
    assert set(pending.all_queues(cluster)) >= set(queues)
    assert len(pending.look(cluster, queues)) == PARTITIONS
    waiting = sum(cluster.llen(keys.queue(queue, "pending")) for queue in pending.all_queues(cluster))
    figures.recount(cluster, pending.all_queues(cluster))
    kept = figures.read(cluster)
    assert kept is not None
    assert kept.all.pending == waiting > 0
    holds.place(cluster, "default", holds.Hold("by hand", NOW))
    assert holds.of_queue(cluster, queues[0]) is not None
    assert holds.release(cluster, "default")
    nodes = {cluster.get_node_from_key(keys.queue(queue)).name for queue in queues}
    assert len(nodes) == 3, "the partitions are spread over the servers"


def test_the_settings_of_an_account_are_kept_and_a_key_that_was_undone_is_not_taken_again(cluster: Any) -> None:
    cipher = Cipher(("a-secret-of-this-test-0123456789",))

    async def learn(*api_keys: str) -> list[bool]:
        async with connect_async(url_of(cluster)) as client:
            return [
                (await account_keys.learn(client, "shop", AccountSettings({}, api_key), cipher, "mparticle")).kept
                for api_key in api_keys
            ]

    assert asyncio.run(learn("pk_one", "pk_two", "pk_two")) == [True] * 3
    account_keys.undo(cluster, "shop", cipher)
    assert asyncio.run(learn("pk_two", "pk_three")) == [False, True]
    found = account_keys.learnt(cluster, "shop", cipher)
    assert (found.fingerprint, found.sender) == (account_keys.fingerprint("pk_three"), "mparticle")
