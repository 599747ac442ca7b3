"""`ferry doctor`: check everything and say what to fix."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import click
from redis import Redis
from rich.text import Text

from commands.options import json_option, var_option
from configuration import settings
from configuration.settings import Settings
from intake.readiness import Check
from ops.checks.klaviyo_keys import key_checks, lists_check
from ops.checks.network import network_checks
from ops.checks.redis_server import owner_check, redis_checks
from ops.checks.settings import revision_check, settings_checks
from ops.checks.sources import source_checks
from ops.errors import Failed, Misconfigured
from ops.ledger import by, ledger
from ops.output import console, echo, print_json, table
from queues import audit
from queues.server import rollback

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@click.command()
@click.option("--acknowledge", is_flag=True, help="End the alert of a rolled-back or emptied ledger, then check.")
@json_option
@var_option
def doctor(acknowledge: bool, as_json: bool) -> None:
    """Check everything and say what to fix.

    Checks the settings, Redis, the processes, the network to Klaviyo, every Klaviyo key and every source of queries.
    Writes nothing, except with --acknowledge, and never to Klaviyo. Exit code 1 if a check fails; warnings do not
    count.

    \b
    Examples:
      ferry doctor
      ferry doctor --json
      ferry doctor --acknowledge
    """
    known = settings.load()
    if acknowledge:
        _acknowledge(known)
    checks = list(_all(known))
    if as_json:
        print_json([document(check) for check in checks])
    show(checks)
    if not all(check.ok for check in checks):
        raise click.exceptions.Exit(1)


def _acknowledge(known: Settings) -> None:
    with ledger(known) as redis:
        fall = rollback.acknowledge(redis)
        if fall is not None:
            audit.note(redis, by(), "acknowledge", "ledger", missing=fall.missing)
    done = f"Acknowledged: {fall}." if fall else "There is nothing to acknowledge: the ledger has lost nothing."
    echo(done, err=True)


def _all(known: Settings) -> Iterator[Check]:
    yield from settings_checks(known)
    yield revision_check(datetime.now(UTC).date().isoformat())
    network = network_checks(known.klaviyo_base_url)
    yield from network
    yield from source_checks(known)
    try:
        with ledger(known) as redis:
            yield owner_check(redis, known.installation)
            yield from redis_checks(redis, known.durable)
            yield lists_check(redis, known.connections)
            yield from keys_over(network, redis, known)
    except (Failed, Misconfigured) as fault:
        detail, _, remedy = fault.message.partition("\n")
        yield Check("redis", False, detail, remedy or "correct it")


def keys_over(network: list[Check], redis: Redis, known: Settings) -> list[Check]:
    """Return a check for each key, if Klaviyo can be reached. Raises RedisError."""
    if all(check.ok for check in network):
        return key_checks(redis, known)
    return [Check("keys", True, "not tested: Klaviyo cannot be reached", "fix the network first")]


def _verdict(check: Check) -> str:
    if not check.ok:
        return "fail"
    return "warn" if check.remedy else "ok"


def document(check: Check) -> dict[str, str]:
    """Return a check for programs."""
    return {"check": check.name, "result": _verdict(check), "detail": check.detail, "remedy": check.remedy}


def show(checks: list[Check]) -> None:
    """Print the checks as a table, each with its remedy."""
    made = table("", "Check", "Found")
    for check in checks:
        verdict = _verdict(check)
        found = Text(check.detail)
        if check.remedy:
            found.append(f"\n-> {check.remedy}", style="bold")
        made.add_row(Text(verdict, style=_STYLES[verdict]), check.name, found)
    console().print(made)
