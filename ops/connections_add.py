"""`ferry connections add`: an account more, while everything runs."""

from __future__ import annotations

import click
from redis import Redis

from connections import NAMES, UnknownConnection, is_name
from ops.audited import by
from ops.connections_asked import asked_key, usable
from ops.connections_key import key_of, titled
from ops.connections_known import ELSEWHERE, settings_with_secret, tell_hold
from ops.errors import Failed, Misconfigured
from ops.ledger import ledger
from ops.options import var_option
from queues import audit, kept
from queues.accounts import Cipher
from queues.clock import now_ms
from queues.errors import SecretKeyChanged
from settings import Settings


@click.command()
@click.argument("name")
@var_option
def add(name: str) -> None:
    """Add a connection: an account of Klaviyo's, by its key.

    The key is asked for, or read from stdin, checked with Klaviyo, and kept encrypted (FERRY_SECRET_KEY). All other
    settings are those of `default`, unless connections.toml has a table of that name. Requests may name it a second
    later, as in ?connection=NAME, without a restart.
    """
    if not is_name(name):
        raise click.UsageError(f"{name}: {NAMES}")
    known = settings_with_secret()
    with ledger(known, writes=True) as redis:
        _check_free(redis, known, name)
        api_key = asked_key(name)
        rights = usable(redis, known, api_key, "Nothing was kept.")
        others = _of_account(redis, rights.account.id)
        if not kept.add(redis, name, kept.seal(Cipher(known.secret_keys), api_key, now_ms(), rights.account.id)):
            raise Failed(f"{name} was added by somebody else meanwhile; nothing was changed")
        audit.note(redis, by(), "connection added", name)
        click.echo(f"{name} is added: account {titled(rights.account)}. Every process knows it within seconds.")
        if others:
            click.echo(f"Mind: {', '.join(others)} has a key of this account: lists and limits are shared.", err=True)
        tell_hold(redis, name)


def _check_free(redis: Redis, known: Settings, name: str) -> None:
    if kept.find(redis, name):
        raise Misconfigured(f"{name} has a key. To exchange it: ferry connections rotate {name}")
    try:
        found = key_of(redis, known, name)
    except UnknownConnection:
        return
    except SecretKeyChanged as fault:
        raise Failed(f"{name}: {fault}") from fault
    if found:
        raise Misconfigured(f"{name} has a key. {ELSEWHERE[found.origin]}")


def _of_account(redis: Redis, account: str | None) -> list[str]:
    """Connections that were added with a key of the same account."""
    stored = ((name, kept.find(redis, name)) for name in kept.names(redis))
    return [name for name, found in stored if account and found and found.account == account]
