"""A master of a Redis Cluster dies under load: nothing is lost, and the audiences of the other masters go on."""

from __future__ import annotations

import logging
from pathlib import Path
from random import Random
from typing import Final

from queues import keys, pending
from queues.clock import now_ms
from queues.pending import all_queues
from queues.server.connection import connect
from tests.support import oracle
from tests.support.cluster import cluster_of
from tests.support.cluster_chaos import OPTIONS
from tests.support.group import Group
from tests.support.kept_figures import assert_kept
from tests.support.klaviyo import Account
from tests.support.load import Load, sending
from tests.support.model import Model, queue_of
from tests.support.proxied_system import environment
from tests.support.waiting import apart, until
from tests.support.web import Sender

log = logging.getLogger(__name__)

PROCESSES: Final = ("web", "scheduler", "worker-1", "worker-2")


def test_a_master_that_is_killed_costs_its_own_audiences_some_seconds_and_nobody_a_change(
    klaviyo: Account, tmp_path: Path
) -> None:
    klaviyo.control("reset")
    model = Model()
    with cluster_of(tmp_path, 3, 3, *OPTIONS) as nodes, connect(nodes.url) as redis:
        killed = nodes.owner(keys.RQ_PREFIX)  # so the doorbell and the workers lose it too
        names = [str(number) for number in range(40)]
        at = {name: nodes.owner(keys.queue(queue_of(name))) for name in names}
        its, others = ([name for name in names if (at[name] == killed) == own][:3] for own in (True, False))
        # Acceptances wait for the replica: what it does not have yet when its master dies would be lost.
        known = {**environment(nodes.url, klaviyo.url), "FERRY_DURABLE": "replicas:1"}
        with Group(known, tmp_path, *PROCESSES, module="tests.support.hurried") as group:
            senders = Sender(group.port), Sender(group.port)
            loads = [
                Load(sender, model, range(first, first + 40), Random(first), 0.05, audiences)
                for sender, first, audiences in zip(senders, (0, 40), (its, others), strict=True)
            ]
            with sending(loads):
                until(lambda: min(sender.answers[202] for sender in senders) > 10, "both senders are served")
                nodes.kill(killed)
                until(lambda: senders[0].answers[503] > 0, "the killed master's audiences are refused")
                apart(1)
                nodes.replace(killed)
                nodes.start(killed)  # as the replica that its successor needs
                before = senders[0].answers[202]
                until(lambda: senders[0].answers[202] > before + 10, "its audiences are accepted again", 60)

            def drained() -> bool:
                for queue in all_queues(redis):
                    pending.flush(redis, queue, now_ms())
                return oracle.quiet(redis) == []

            until(drained, "what was accepted is delivered, without help", 120)
            log.warning("answers %s and %s", *(dict(sender.answers) for sender in senders))
            assert senders[1].answers.keys() == {202}, "the audiences of the other masters"
            assert senders[0].answers.keys() == {202, 503}
            assert all(group.runs(name) for name in PROCESSES)
        broken = [*oracle.conservation(redis, model), *oracle.quiet(redis), *oracle.membership(redis, klaviyo, model)]
        assert not broken, "\n".join(broken)
        assert_kept(redis)
