"""`ferry selftest`: run a small live round trip on a Klaviyo test account, and remove what it created."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from redis import Redis

from commands.options import json_lines_option, var_option
from configuration import settings
from configuration.connections import DEFAULT
from configuration.settings import Settings
from klaviyo.accounts import read_account
from klaviyo.calls import Caller
from ops.connections.keys import titled, wanted_key
from ops.errors import Failed
from ops.ledger import ledger
from ops.output import echo
from ops.retries import with_retries
from ops.selftest.recording import RecordingTransport
from ops.selftest.run import round_trip, run
from ops.selftest.trial import Trial
from ops.selftest.verdict import identity as run_identity
from worker.connection import limiter_of


@click.command()
@click.argument("connection", default=DEFAULT)
@click.option("--identity", is_flag=True, help="Test instead what the account does with shared identifiers.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@click.option("--on-a-live-account", is_flag=True, help="Run even if Klaviyo does not call it a test account.")
@json_lines_option
@var_option
def selftest(connection: str, identity: bool, yes: bool, on_a_live_account: bool) -> None:
    """Try a round trip on a Klaviyo TEST account.

    Creates a list `Ferry selftest ...` and a few people of example.com, imports a good and a bad row, reads the
    errors, finds the members, clears a field, removes one from the list, and tests what Klaviyo's documents leave
    open. Then it removes all of it, also after Ctrl-C or a failure, and lists what it could not remove. Exit code 1 if
    a step failed or something is left. Needs a key with accounts:read and data-privacy:write besides the scopes for
    delivery.

    With --identity it tests whether the account refuses, overwrites or merges when a row names two people, and says
    what that means for the setting `identifiers`. Exit code 1 if a question has no answer.

    \b
    Examples:
      ferry selftest --yes
      ferry selftest brand-b --identity --yes
    """
    known = settings.load()
    with (
        ledger(known, writes=True) as redis,
        _opened(redis, known, wanted_key(redis, known, connection).value) as trial,
    ):
        _check_account(trial, connection, yes, on_a_live_account)
        went_well = run_identity(trial) if identity else run(trial, round_trip)
    if not went_well:
        raise click.exceptions.Exit(1)


@contextmanager
def _opened(redis: Redis, known: Settings, key: str) -> Iterator[Trial]:
    """Open a trial whose names are unique."""

    def connect(kind: type[RecordingTransport]) -> RecordingTransport:
        return kind(known.klaviyo_base_url, key)

    mark = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    try:
        heard = connect(RecordingTransport)
    except ValueError as fault:
        raise Failed(str(fault)) from fault
    try:
        yield Trial(Caller(heard, limiter_of(redis, key), lambda: None), heard, connect, mark)
    finally:
        heard.close()


def _check_account(trial: Trial, connection: str, yes: bool, live: bool) -> None:
    account = with_retries(lambda: read_account(trial.call), trial.sleep)
    if not account.test_account and not live:
        raise Failed(
            f"{connection} uses account {titled(account)}, which is not known to be a test account; nothing was "
            "done.\nCreate one in Klaviyo (Settings, Account, test account) and a key with accounts:read; to run it "
            "here anyway: add --on-a-live-account"
        )
    echo(f"Account {titled(account)}; a list and some people of example.com are created and removed again.")
    if not yes:
        click.confirm("Continue?", abort=True)
