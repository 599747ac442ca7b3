"""`ferry open`: print the console's address and, on this machine, a link that signs in once."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import click

from commands.options import json_option, var_option
from configuration import settings
from configuration.settings import Settings
from local import ports
from ops.errors import Failed
from ops.ledger import by, ledger
from ops.output import echo, print_json
from queues import audit, sign_in_links
from queues.users import ADMIN

#: How to sign in without a link.
_OTHERWISE: Final = "Sign in with your token; `ferry users add NAME --role admin` creates a user and prints it."


@click.command("open")
@json_option
@var_option
def open_(as_json: bool) -> None:
    """Print the console's address and a sign-in link.

    The link signs in the user of FERRY_ADMIN_TOKEN. It works once, within a minute, and only in a browser on this
    machine. Without FERRY_ADMIN_TOKEN, or where the console runs elsewhere, sign in with a token.

    \b
    Examples:
      ferry open
      ferry open --json
    """
    known = settings.load()
    local = f"http://localhost:{known.port}"
    is_here = ports.answers("127.0.0.1", known.port)
    address = local if is_here else _elsewhere(known)
    link = _link(known, local) if is_here and known.admin_token and known.secret_keys else None
    if as_json:
        print_json({"console": f"{address}/", "sign_in": link, "seconds": sign_in_links.LASTS_S if link else None})
    echo(f"Console   {address}/")
    echo(f"Sign in   {link}\n          as {ADMIN}; works once, within a minute" if link else _OTHERWISE)


def _elsewhere(known: Settings) -> str:
    """Return the address of a console that is not on this machine. Raises Failed if it is unknown."""
    if known.alerts and known.alerts.console_url:
        return known.alerts.console_url.rstrip("/")
    raise Failed(
        f"no web process answers on port {known.port} of this machine. Start `ferry up` or `ferry web`, or open the "
        "address of your installation (console_url in [alerts] of connections.toml is printed here)"
    )


def _link(known: Settings, address: str) -> str:
    with ledger(known, writes=True) as redis:
        token = sign_in_links.make(redis, ADMIN)
        audit.note(redis, by(), "sign-in link", ADMIN)
    return f"{address}/sign-in?link={quote(token)}"
