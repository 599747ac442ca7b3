"""`ferry release-check`: check whether this release may replace the running one (Heroku's release phase)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import click
from msgspec.structs import replace
from redis.exceptions import AuthenticationError

from commands.doctor import document, keys_over, show
from commands.options import json_option, var_option
from configuration import settings
from configuration.settings import Settings
from intake.readiness import Check
from ops.checks.network import network_checks
from ops.checks.redis_server import INSTALLATION, owner_check, server_checks
from ops.checks.settings import revision_check, settings_checks
from ops.errors import Failed
from ops.ledger import ledger
from ops.output import print_json

#: If one of these fails, accepted changes could be lost or go to another installation's Klaviyo. Other findings are
#: reported and pass: a refused key, for example, only costs time, because its queues are held, and the release may be
#: the one that fixes it.
_MUST: Final = frozenset({"redis", "persistence", "eviction", "durable", INSTALLATION})
#: Seconds until a Redis that does not answer stops the release: a new store needs time to start.
PATIENCE_S = 120.0
_PAUSE_S: Final = 1.0


@click.command()
@json_option
@var_option
def release_check(as_json: bool) -> None:
    """Check whether this release may start.

    For a platform's release phase. Stops the release (exit code 1, or 2 for a wrong setting) if accepted changes could
    be lost: Redis does not answer within two minutes, is too old, has no append-only file (snapshots alone lose
    minutes), evicts data when it is full, cannot confirm what FERRY_DURABLE asks for, or belongs to another
    installation. Other problems are reported and pass, including a Redis that does not say whether it keeps its data.
    `ferry doctor` also checks the processes.

    \b
    Examples:
      ferry release-check
      ferry release-check --json
    """
    known = settings.load()
    checks = [_advice(check) for check in _all(known)]
    if as_json:
        print_json([document(check) for check in checks])
    show(checks)
    if not all(check.ok for check in checks):
        raise click.exceptions.Exit(1)


def _advice(check: Check) -> Check:
    return check if check.name in _MUST else replace(check, ok=True)


def _all(known: Settings) -> Iterator[Check]:
    yield from settings_checks(known)
    yield revision_check(datetime.now(UTC).date().isoformat())
    if "REDIS_URL" not in os.environ:
        # Not a failure: the first release runs before a key-value store is attached.
        remedy = "attach a key-value store, for example: heroku addons:create heroku-redis:premium-0"
        yield Check("redis", True, "REDIS_URL is not set, so nothing can be accepted yet", remedy)
        return
    network = network_checks(known.klaviyo_base_url)
    yield from network
    _wait_for_redis(known)
    with ledger(known) as redis:
        yield owner_check(redis, known.installation)
        yield from server_checks(redis, known.durable)
        yield from keys_over(network, redis, known)


def _wait_for_redis(known: Settings) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with ledger(known) as redis:
                redis.ping()
        except Failed as fault:
            if time.monotonic() > deadline or isinstance(fault.__cause__, AuthenticationError):
                raise
            time.sleep(_PAUSE_S)
        else:
            return
