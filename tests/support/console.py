"""The web process' app in a thread of the test's process, with a user of each role, and ways to be one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from redis import Redis

from configuration.settings import Settings
from console import routes
from console.auth.roles import Role
from intake.app import create_app
from queues import users
from queues.server.connection import connect
from queues.users import User
from tests.support.intake import known, running

ADMIN = "the-admin-token-of-this-installation"
SECRET = "a secret of this installation"
TOKENS = {role: f"ferry_token_of_the_{role}" for role in (Role.VIEWER, Role.OPERATOR)} | {Role.ADMIN: ADMIN}

_FIELDS = {
    "connection": "default",
    "kind": "audience",
    "target": "42",
    "name": "ferry.css",
    "letter": "1767225599999-0",
}


@dataclass(frozen=True, slots=True)
class Console:
    """A running console, beside its intake."""

    url: str

    def browser(self, role: Role = Role.NOBODY) -> requests.Session:
        """A browser, in which somebody of this role has signed in."""
        session = requests.Session()
        session.headers["Accept"] = "text/html"
        if role is not Role.NOBODY:
            answer = session.post(f"{self.url}/sign-in", {"token": TOKENS[role]}, allow_redirects=False, timeout=30)
            assert (answer.status_code, answer.headers.get("Location")) == (303, "/"), answer.text
        return session

    def csrf(self, session: requests.Session, path: str = "/audit") -> str:
        """The token in the forms of a page."""
        return csrf_in(session.get(self.url + path, timeout=30).text)

    def bearer(self, role: Role) -> dict[str, str]:
        """Headers of a program of this role."""
        return {"Authorization": f"Bearer {TOKENS[role]}"} if role is not Role.NOBODY else {}


def filled(template: str) -> str:
    """An address that fits a template: `/queues/{connection}/{kind}/{target}` -> `/queues/default/audience/42`."""
    return re.sub(r"\{(\w+)[^}]*\}", lambda field: _FIELDS.get(field[1], "1"), template)


def csrf_in(page: str) -> str:
    """The token in the forms of a page; empty where there is none."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    return found[1] if found else ""


def make(settings: Settings) -> routes.CombinedApp:
    """What `ferry web` serves."""
    return routes.install(create_app(settings), settings)


def add_users(redis: Redis) -> None:
    """Users of the names and roles viewer and operator; the admin is that of the environment."""
    for role in (Role.VIEWER, Role.OPERATOR):
        users.add(redis, User(str(role), role, users.digest(TOKENS[role]), 1))


@contextmanager
def console(redis_url: str, **more: Any) -> Iterator[Console]:
    """A console that runs as long as the block."""
    more = {"secret_keys": (SECRET,), "admin_token": ADMIN} | more
    with connect(redis_url) as redis:
        add_users(redis)
    with running(known(redis_url, **more), make) as started:
        yield Console(started.url)
