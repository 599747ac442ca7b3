"""`ferry users`: manage the users of the console and the API."""

from __future__ import annotations

import click

from commands.options import json_option, var_option
from configuration import settings
from ops.errors import Failed
from ops.ledger import by, ledger
from ops.output import console, echo, echo_result, json_line, print_json, table
from queues import audit
from queues import users as stored_users
from queues.clock import now_ms
from queues.users import ADMIN, Role, User
from text.wording import moment

_ROLES = [str(role) for role in Role if role is not Role.NOBODY]


@click.group()
def users() -> None:
    """Manage who may view, act and see personal data.

    A viewer sees queues, counts and reasons; an operator also flushes, holds, releases and replays, and reads the
    audit log; an admin also sees personal data and deletes. Senders' tokens (FERRY_TOKENS) are separate and give no
    access here. The user of FERRY_ADMIN_TOKEN is `admin`.

    \b
    Examples:
      ferry users add ann --role operator
      ferry users list
    """


@users.command()
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(_ROLES), help="What the user may do.")
@json_option
@var_option
def add(name: str, role: str, as_json: bool) -> None:
    """Add a user and print the token.

    The token is printed only once; Ferry keeps only its SHA-256. To replace a lost token, remove and add the user.

    \b
    Examples:
      ferry users add ann --role operator
      ferry users add prometheus --role viewer > ferry.token
    """
    if not stored_users.is_name(name):
        raise click.UsageError(f"NAME: 1 to 40 of a-z 0-9 . _ - and not {ADMIN!r}, the user of FERRY_ADMIN_TOKEN")
    token = stored_users.new_token()
    user = User(name, Role[role.upper()], stored_users.digest(token), now_ms())
    with ledger(settings.load(), writes=True) as redis:
        if not stored_users.add(redis, user):
            raise Failed(
                f"user {name} exists already. For a new token or role: ferry users remove {name}, and add again"
            )
        audit.note(redis, by(), "user added", name, f"as {role}")
    if as_json:
        echo_result(json_line({"name": name, "role": role, "token": token}))
    else:
        echo(f"{name} was added as {role}. The token, shown only now:", err=True)
        echo_result(token)


@users.command("list")
@json_option
@var_option
def list_(as_json: bool) -> None:
    """List the users, without their tokens.

    \b
    Examples:
      ferry users list
    """
    known = settings.load()
    with ledger(known) as redis:
        found = list(stored_users.everyone(redis).values())
    rows: list[tuple[str, str, str | None]] = [(user.name, str(user.role), moment(user.since)) for user in found]
    rows += [(ADMIN, str(Role.ADMIN), None)] if known.admin_token else []
    if as_json:
        print_json([{"name": name, "role": role, "since": since} for name, role, since in rows])
        return
    made = table("User", "Role", "Since")
    for name, role, since in rows:
        made.add_row(name, role, since or "FERRY_ADMIN_TOKEN")
    console().print(made if rows else "No users yet: ferry users add NAME --role admin")


@users.command()
@click.argument("name")
@json_option
@var_option
def remove(name: str, as_json: bool) -> None:
    """Remove a user and end their sessions.

    \b
    Examples:
      ferry users remove ann
    """
    if name == ADMIN:
        raise click.UsageError(f"{ADMIN} is the user of FERRY_ADMIN_TOKEN: change or unset it, and restart `web`")
    with ledger(settings.load(), writes=True) as redis:
        if not stored_users.remove(redis, name):
            raise Failed(f"there is no user {name}; `ferry users list` lists the users")
        audit.note(redis, by(), "user removed", name)
    if as_json:
        print_json({"name": name, "removed": True})
    echo(f"{name} was removed; the token is no longer valid.")
