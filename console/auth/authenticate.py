"""Identify users by a session's cookie, by a bearer token, or by the token entered at the sign-in page."""

from __future__ import annotations

import logging
import time
from typing import Literal

from redis import Redis

from configuration.settings import Settings
from console.auth.roles import NOBODY, Visitor
from console.auth.sessions import LASTS, Session, Sessions, begun
from console.auth.waiting_room import TooSoon, wait_s
from queues import audit, sign_in_links, users
from queues.sign_in_counts import SignInCounts
from queues.users import ADMIN, Role, User

log = logging.getLogger(__name__)


class Authenticator:
    """Identifies users. Its methods block, so call them beside the loop. Each may raise redis.RedisError."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self.sessions = Sessions(settings.secret_keys)
        self._redis = redis
        self._counts = SignInCounts(redis)
        token = settings.admin_token
        self._admin = User(ADMIN, Role.ADMIN, users.digest(token), 0) if token else None

    def known(self) -> dict[str, User]:
        """Return all users who may sign in, by name."""
        found = users.everyone(self._redis)
        return found | {ADMIN: self._admin} if self._admin else found

    def by_cookie(self, cookie: str) -> tuple[Visitor, Session, int] | None:
        """Return the visitor, the session and the age (s) of a cookie; None for a cookie without a valid session."""
        opened = self.sessions.read(cookie, int(time.time()))
        if opened is None:
            return None
        session, age = opened
        user = self.known().get(session.name)
        if user is None or not session.is_of(user) or users.is_signed_out(self._redis, session.id):
            return None
        return Visitor(user.name, user.role, "web", session.csrf), session, age

    def by_bearer(self, token: str, peer: str, waited: float) -> Visitor:
        """Return the visitor with this token; NOBODY for an unknown token. `waited`: seconds. Raises TooSoon."""
        user = self._user(token, peer, waited, "api")
        return NOBODY if user is None else Visitor(user.name, user.role, "api")

    def sign_in(self, token: str, peer: str, waited: float) -> Session | None:
        """Return a new session for a token's user; None for an unknown token. `waited`: seconds. Raises TooSoon."""
        user = self._user(token, peer, waited, "web")
        if user is None:
            return None
        if self._counts.signed_in(user.name):
            audit.note(self._redis, f"web:{user.name}", "sign-in")
        return begun(user)

    def sign_in_by_link(self, token: str) -> Session | None:
        """Return a new session for the user of a one-time link, and end the link; None if it is not valid."""
        name = sign_in_links.use_up(self._redis, token)
        user = self.known().get(name) if name else None
        if user is None:
            self._refused("web", "invalid link")
            return None
        audit.note(self._redis, f"web:{user.name}", "sign-in", outcome="by a link")
        return begun(user)

    def _user(self, token: str, peer: str, waited: float, by: Literal["web", "api"]) -> User | None:
        """Return the user with a token. It is checked only after it has waited as long as its peer must."""
        if (wait := wait_s(self._counts.wrong_tokens(peer))) > waited:
            raise TooSoon(wait)
        user = users.find(token, self.known().values())
        if user is None:
            self._counts.wrong(peer)
            self._refused(by, "wrong token")
        return user

    def sign_out(self, session: Session) -> None:
        """End a session, including every copy of its cookie."""
        users.sign_out(self._redis, session.id, LASTS)
        audit.note(self._redis, f"web:{session.name}", "sign-out")

    def _refused(self, who: Literal["web", "api"], outcome: str) -> None:
        if self._counts.is_noted():
            log.warning("a sign-in was refused (%s, %s); at most six such lines are logged per hour", who, outcome)
            audit.note(self._redis, who, "sign-in refused", outcome=outcome)
