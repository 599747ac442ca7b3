"""`ferry connections add`: add a connection while Ferry runs."""

from __future__ import annotations

import click
from redis import Redis

from commands.connections.ask_for_key import asked_key, usable
from commands.options import json_option, var_option
from configuration.connections import NAMES, UnknownConnection, is_name
from configuration.settings import Settings
from ops.audit_format import by
from ops.connections.keys import key_of, titled
from ops.connections.known import ELSEWHERE, settings_with_secret, tell_hold
from ops.errors import Failed, Misconfigured
from ops.ledger import ledger
from ops.output import complain, echo, print_json
from queues import audit
from queues.clock import now_ms
from queues.connections import accounts
from queues.connections.accounts import Cipher
from queues.errors import SecretKeyChanged


@click.command()
@click.argument("name")
@json_option
@var_option
def add(name: str, as_json: bool) -> None:
    """Add a connection: a Klaviyo account and its key.

    Asks for the key or reads it from stdin, checks it with Klaviyo, and stores it encrypted (FERRY_SECRET_KEY). All
    other settings are those of `default`, unless connections.toml has a table of that name. Requests can name the
    connection (?connection=NAME) a second later, without a restart.

    \b
    Examples:
      ferry connections add brand-c
      pass show klaviyo/brand-c | ferry connections add brand-c
    """
    if not is_name(name):
        raise click.UsageError(f"{name}: {NAMES}")
    known = settings_with_secret()
    with ledger(known, writes=True) as redis:
        _check_free(redis, known, name)
        api_key = asked_key(name)
        rights = usable(redis, known, api_key, "Nothing was stored.")
        others = _of_account(redis, rights.account.id)
        if not accounts.add_key(
            redis, name, accounts.seal_key(Cipher(known.secret_keys), api_key, now_ms(), rights.account.id)
        ):
            raise Failed(f"{name} was added by another user in the meantime; nothing was changed")
        audit.note(redis, by(), "connection added", name)
        echo(f"{name} was added: account {titled(rights.account)}. Every process knows it within seconds.")
        if others:
            shared = ", ".join(others)
            complain(f"Warning: {shared} also uses this account: they share its lists and rate limits.")
        tell_hold(redis, name)
    if as_json:
        print_json({"name": name, "account": rights.account.id, "shared_with": others})


def _check_free(redis: Redis, known: Settings, name: str) -> None:
    if accounts.stored_key(redis, name):
        raise Misconfigured(f"{name} already has a key. To replace it: ferry connections rotate {name}")
    try:
        found = key_of(redis, known, name)
    except UnknownConnection:
        return
    except SecretKeyChanged as fault:
        raise Failed(f"{name}: {fault}") from fault
    if found:
        raise Misconfigured(f"{name} already has a key. {ELSEWHERE[found.origin]}")


def _of_account(redis: Redis, account: str | None) -> list[str]:
    """Return the connections that were added with a key of the same account."""
    stored = ((name, accounts.stored_key(redis, name)) for name in accounts.with_key(redis))
    return [name for name, found in stored if account and found and found.account == account]
