"""A Redis Cluster under load whose masters die and hang, whose slots move, and whose nodes come and go."""

from __future__ import annotations

import logging
import os
import random
from pathlib import Path

from tests.support.chaos import FAULTS
from tests.support.cluster_chaos import OF_NODES
from tests.support.soak import soak

log = logging.getLogger(__name__)


def test_a_soak_on_a_cluster_loses_nothing_and_everybody_ends_where_the_last_change_says(tmp_path: Path) -> None:
    seed = int(os.environ.get("SOAK_SEED") or random.randrange(1_000_000))
    log.warning("seed %d", seed)
    report = soak(float(os.environ.get("SOAK_SECONDS") or 12), seed, tmp_path, cluster=True, pause_s=0.4)
    log.warning("%s", report)
    assert (report.lost, report.out_of_order, report.left_over) == ([], [], [])
    assert report.accepted > 50
    assert report.done.keys() >= {"SIGKILL", "SIGTERM", "SIGSTOP", *OF_NODES}
    assert report.faults.keys() == {*FAULTS}
    assert report.answers.keys() <= {0, 202, 503}
