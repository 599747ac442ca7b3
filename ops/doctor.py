"""`ferry doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import click
from redis import Redis
from rich.text import Text

import settings
from intake.readiness import Check
from ops.checks_keys import key_checks
from ops.checks_lists import lists_check
from ops.checks_network import network_checks
from ops.checks_redis import owner_check, redis_checks
from ops.checks_settings import revision_check, settings_checks
from ops.errors import Failed, Misconfigured
from ops.ledger import ledger
from ops.options import json_option, var_option
from ops.output import console, print_json, table
from settings import Settings

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@click.command()
@json_option
@var_option
def doctor(as_json: bool) -> None:
    """Check everything, and say what to do.

    Settings, Redis, the processes, the way to Klaviyo, and every Klaviyo key. Nothing is written, to Klaviyo
    neither. Exit code 1 when a check fails; warnings are fine.
    """
    known = settings.load()
    checks = list(_all(known))
    if as_json:
        print_json([_value(check) for check in checks])
    else:
        show(checks)
    if not all(check.ok for check in checks):
        raise click.exceptions.Exit(1)


def _all(known: Settings) -> Iterator[Check]:
    yield from settings_checks(known)
    yield revision_check(datetime.now(UTC).date().isoformat())
    network = network_checks(known.klaviyo_base_url)
    yield from network
    try:
        with ledger(known) as redis:
            yield owner_check(redis, known.installation)
            yield from redis_checks(redis)
            yield lists_check(redis, known.connections)
            yield from keys_over(network, redis, known)
    except (Failed, Misconfigured) as fault:
        detail, _, remedy = fault.message.partition("\n")
        yield Check("redis", False, detail, remedy or "correct it")


def keys_over(network: list[Check], redis: Redis, known: Settings) -> list[Check]:
    """What Klaviyo says to each key, where the way to it is open. Raises RedisError."""
    if all(check.ok for check in network):
        return key_checks(redis, known)
    return [Check("keys", True, "not tried: Klaviyo cannot be reached", "mend the way there first")]


def _verdict(check: Check) -> str:
    if not check.ok:
        return "fail"
    return "warn" if check.remedy else "ok"


def _value(check: Check) -> dict[str, str]:
    return {"check": check.name, "result": _verdict(check), "detail": check.detail, "remedy": check.remedy}


def show(checks: list[Check]) -> None:
    """Print them as a table, each with its remedy."""
    made = table("", "Check", "Found")
    for check in checks:
        verdict = _verdict(check)
        found = Text(check.detail)
        if check.remedy:
            found.append(f"\n-> {check.remedy}", style="bold")
        made.add_row(Text(verdict, style=_STYLES[verdict]), check.name, found)
    console().print(made)
