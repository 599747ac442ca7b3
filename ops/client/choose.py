"""Choose the Ferry that the operator's commands talk to: this machine's, or the one of `--url` over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import click

from configuration import settings
from ops.audit_format import by
from ops.client.local import LocalClient
from ops.client.remote import RemoteClient
from ops.ledger import ledger

#: Both have the same methods, and commands use nothing else.
Installation = LocalClient | RemoteClient


@contextmanager
def installation(writes: bool = False) -> Iterator[Installation]:
    """Open the chosen Ferry for the block; `writes`: see `ledger`. Raises Failed, Misconfigured, SettingsError."""
    url: str | None = click.get_current_context().find_root().obj
    if url is not None:
        with closing(RemoteClient(url)) as remote:
            yield remote
        return
    known = settings.load()
    with ledger(known, writes) as redis:
        yield LocalClient(redis, known, by())
