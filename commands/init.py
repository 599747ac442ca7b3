"""`ferry init`: write the settings of a new installation."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import sys
from pathlib import Path
from typing import Any, Final

import click
from marshmallow import ValidationError

from commands.options import json_option
from configuration import checks
from ops.errors import Failed, Misconfigured
from ops.output import echo, print_json

#: Characters that shells, Compose, systemd and Kubernetes read alike in a file of settings, without quotes.
_PLAIN: Final = re.compile(r"[A-Za-z0-9._:/@%+=,?\[\]-]*")
_NEXT: Final = """Next:
  {cd}set -a && . ./.env && set +a    # the settings, in this shell
  ferry doctor                     # what is still missing
Then start Ferry: `docker compose up -d --build` reads .env; docs/deploy.md has the other ways."""


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder for the files.  [default: this one]",
)
@click.option("--installation", metavar="NAME", help="Name of the installation.  [default: production]")
@click.option("--redis-url", metavar="URL", help="Address of Redis.  [default: redis://localhost:6379/0]")
@click.option("--sender", metavar="NAME", help="Name of the first sender.  [default: mparticle]")
@click.option("--yes", is_flag=True, help="Ask nothing: take the options, and the key from KLAVIYO_API_KEY.")
@json_option
def init(
    folder: Path, installation: str | None, redis_url: str | None, sender: str | None, yes: bool, as_json: bool
) -> None:
    """Write the settings of a new installation.

    Asks a few questions, then writes `.env` (names, addresses and new random secrets; only you can read it) and
    `connections.toml` (how each Klaviyo account is handled, every option explained). Existing files are never changed.
    The Klaviyo key is asked for without echo, or taken from KLAVIYO_API_KEY; it may follow later.

    \b
    Examples:
      ferry init
      ferry init --yes --installation staging --redis-url redis://redis:6379/0
    """
    env, toml = folder / ".env", folder / "connections.toml"
    _refuse_existing(env, toml)
    ask = _is_terminal() and not yes
    values = {
        "installation": _asked("Name of this installation", installation, "production", checks.installation, ask),
        "redis_url": _asked("Address of Redis", redis_url, "redis://localhost:6379/0", checks.redis_url, ask),
        "sender": _asked("Name of the first sender", sender, "mparticle", _sender, ask),
        "key": _key(ask),
    }
    _write(env, env_text(**values), 0o600)
    _write(toml, TOML, 0o644)
    if as_json:
        print_json({"written": [str(env), str(toml)], "installation": values["installation"]})
    cd = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    echo(f"Wrote {env} and {toml}.\n{_NEXT.format(cd=cd)}")


def env_text(installation: str, redis_url: str, sender: str, key: str) -> str:
    """Return the content of `.env`: a variable a line, without quotes, and comments."""
    return f"""# Settings of this Ferry. It contains secrets: keep it out of version control, and back it up.
# Every variable: README.md, "Configure".

# The same on every process of this installation. A process with another name does not start on its Redis.
FERRY_INSTALLATION={installation}
REDIS_URL={redis_url}

# A private key of Klaviyo with the scopes accounts:read lists:read lists:write profiles:read profiles:write; for
# consent also subscriptions:write, for events events:write, for erasures data-privacy:write.
{"" if key else "# "}KLAVIYO_API_KEY={key or "pk_..."}

# Who may post changes, as name:token. Give the sender the token, without the name and the colon.
FERRY_TOKENS={sender}:{secrets.token_hex(24)}

# The token with which the user admin signs in to the console.
FERRY_ADMIN_TOKEN={secrets.token_hex(32)}

# Encrypts the keys that Ferry stores, and signs sessions. Without it stored keys cannot be read.
FERRY_SECRET_KEY={secrets.token_hex(32)}

# How each Klaviyo account is handled.
FERRY_CONNECTIONS=connections.toml
"""


#: The content of `connections.toml`.
TOML: Final = """\
# How Ferry handles each Klaviyo account, who may post what, and alerts. Every process reads this file when it starts
# (FERRY_CONNECTIONS). Remove a # to use an option; the values are examples, the defaults are in README.md.

# The account of KLAVIYO_API_KEY.
[connections.default]
flush_size = 100                     # changes that make a queue due
flush_minutes = 960                  # the longest wait of a change
# upload_max = 1000                  # people in one upload, up to 10,000
# default_country = "DE"             # country of phone numbers without a prefix
# property_mapping = { company = "organization" }
# coerce = true                      # "12" -> 12, "true" -> true, ISO dates -> dates
# max_removal_percent = 30           # a snapshot that would take off more is held until somebody confirms it
# consent_mapping = { newsletter = "email" }   # which consent subscribes to which channel; without it none does
# identifiers = "verified"           # which identifiers go to Klaviyo: docs/identity.md

# One audience, by its id in the CDP.
# [connections.default.audiences."42"]
# list_name = "VIPs"
# flush_minutes = 30

# Another Klaviyo account; the variable with its key belongs in .env. Senders name it with ?connection=brand-b.
# [connections.brand-b]
# api_key_env = "BRAND_B_KEY"
# mparticle_account = 123456         # messages of this mParticle account go here

# A sender that may not post everything, unlike those of FERRY_TOKENS: docs/senders.md.
# [senders.brand-b]
# token_env = "BRAND_B_TOKEN"
# routes = ["segment", "changes"]
# connections = ["brand-b"]

# A query that keeps a list equal to its result, and the database that it reads: docs/warehouse.md.
# [sources.warehouse]
# url_env = "WAREHOUSE_URL"          # postgresql://user:password@host/database?sslmode=verify-full
# [queries.vips]
# source = "warehouse"
# sql_file = "queries/vips.sql"
# name = "VIPs"
# schedule = "30 6 * * mon-fri"
# time_zone = "Europe/Berlin"

# A message when a problem begins and when it is over: docs/alerts.md.
# [alerts]
# slack_url_env = "SLACK_WEBHOOK"
# console_url = "https://ferry.example.com"
"""


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _refuse_existing(*files: Path) -> None:
    if found := [str(file) for file in files if file.exists() or file.is_symlink()]:
        exist = "exists" if len(found) == 1 else "exist"
        raise Failed(
            f"{' and '.join(found)} {exist} already; nothing was written. Change it by hand, or choose another --folder"
        )


def _asked(question: str, given: str | None, default: str, check: Any, ask: bool) -> str:
    """Return the value of an option, or the answer to a question. Raises Misconfigured for a wrong one."""
    value = given if given is not None else str(click.prompt(question, default=default, err=True)) if ask else default
    try:
        check(value)
    except ValidationError as fault:
        raise Misconfigured(f"{question}: {fault.messages[0]}") from None
    return _plain(question, value)


def _key(ask: bool) -> str:
    value = os.environ.get("KLAVIYO_API_KEY", "").strip()
    if not value and ask:
        question = "Klaviyo key (pk_..., not shown; empty: later)"
        value = str(click.prompt(question, default="", hide_input=True, show_default=False, err=True)).strip()
    try:
        checks.klaviyo_key(value)
    except ValidationError as fault:
        raise Misconfigured(f"KLAVIYO_API_KEY: {fault.messages[0]}") from None
    return _plain("KLAVIYO_API_KEY", value)


def _plain(what: str, value: str) -> str:
    # The message must not contain the value: it may be a password.
    if not _PLAIN.fullmatch(value):
        raise Misconfigured(f"{what}: it has characters that need quotes in some shells; write it into .env by hand")
    return value


def _sender(name: str) -> None:
    if not re.fullmatch(r"[a-z0-9_-]{1,40}", name):
        raise ValidationError("a name has up to 40 lower-case letters, digits, - and _.")


def _write(path: Path, text: str, mode: int) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as fault:
        raise Failed(f"{path} cannot be written: {fault.strerror}; choose another --folder") from fault
