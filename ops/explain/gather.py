"""Gathers everything that is known about one person in one queue. It reads and never writes."""

from __future__ import annotations

from collections.abc import Sequence

from redis import Redis

from configuration.settings import Settings
from mappings.profile import Profile
from mappings.rules import Rules
from ops.explain.history import History, LedgerMembership
from ops.explain.in_klaviyo import klaviyo_status
from ops.explain.person import PersonQuery, person_query
from ops.explain.timeline import ChangeTimeline, timelines
from ops.retries import Retrying, with_retries
from ops.targets import AUDIENCE
from queues.census import Census
from queues.connections.accounts import Cipher
from queues.counts import QueueCount
from queues.history import batches, traces
from queues.names import Queue
from queues.snapshots import members, orders
from worker.connection import rules_of
from worker.errors import Held
from worker.people.batch_people import mapped_by


def person_history(
    redis: Redis, known: Settings, census: Census, count: QueueCount, given: str, retrying: Retrying = with_retries
) -> History:
    """Return the history of the person with the e-mail, phone or id `given`. Raises redis.RedisError."""
    queue = count.queue
    rules = _rules(redis, known, queue)
    person = query_in(redis, known, queue, given)
    kept_since = batches.since(redis, queue)
    found = timelines(traces.find(redis, queue, person.keys))
    of_audience = queue.kind == AUDIENCE
    return History(
        at=census.at,
        query=person,
        count=count,
        hold=census.holds.get(queue.connection) or count.hold,
        timelines=found,
        kept_since=kept_since,
        member=_membership(redis, queue, _names(person, found, rules)) if of_audience else None,
        klaviyo=klaviyo_status(redis, known, queue, person, retrying) if of_audience else "",
    )


def query_in(redis: Redis, known: Settings, queue: Queue, given: str) -> PersonQuery:
    """Return what an e-mail, phone or id means in a queue, by its connection's settings. Raises redis.RedisError."""
    rules = _rules(redis, known, queue)
    return person_query(given, rules.default_country, _mparticle_account(known, queue))


def _rules(redis: Redis, known: Settings, queue: Queue) -> Rules:
    """Return the queue's rules, or default rules if the connection is held because of its settings."""
    try:
        return rules_of(redis, known.connections, Cipher(known.secret_keys), queue)
    except Held:
        return Rules()


def _mparticle_account(known: Settings, queue: Queue) -> int | None:
    configured = {each.name: each.mparticle_account for each in known.connections}
    return configured.get(queue.connection)


def _names(person: PersonQuery, found: Sequence[ChangeTimeline], rules: Rules) -> list[str]:
    """Return the names that the person may have in the membership ledger: as given, or from what the CDP sent."""
    profiles = (mapped_by(rules, [change], "ferry explain") for timeline in found if (change := timeline.change))
    sent = (members.identity(each.attributes) for each in profiles if isinstance(each, Profile))
    return list(dict.fromkeys((*person.members, *(name for name in sent if name))))


def _membership(redis: Redis, queue: Queue, names: Sequence[str]) -> LedgerMembership | None:
    if not members.is_kept(redis, queue):
        return None
    buckets = members.read(redis, queue, {members.bucket_of(name) for name in names})
    for name in names:
        if member := buckets[members.bucket_of(name)].members.get(name):
            return LedgerMembership(since=member.at, snapshot=_snapshot(redis, queue, member.at))
    left = [buckets[members.bucket_of(name)].gone.get(members.gone_key(name)) for name in names]
    return LedgerMembership(left=max((at for at in left if at), default=None))


def _snapshot(redis: Redis, queue: Queue, at: int) -> str:
    """Return the snapshot of that time; empty if there is none."""
    records = orders.records(redis, orders.queue_of(queue.connection, queue.target))
    return next((each.order.snapshot for each in records if each.order.at == at), "")
