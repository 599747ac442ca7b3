"""Who somebody is: by a session's cookie, by a bearer token, or by the token given at the sign-in page."""

from __future__ import annotations

import logging
import time
from typing import Literal

from redis import Redis

from console.access import NOBODY, Visitor
from console.sessions import LASTS, Session, Sessions, begun
from console.throttle import Throttle
from queues import audit, keys, users
from queues.users import ADMIN, Role, User
from settings import Settings

log = logging.getLogger(__name__)


class TooManyTries(Exception):
    """Too many wrong tokens came of late; this one was not looked at."""


class Door:
    """Blocking, to be called beside the loop. Every call may raise redis.RedisError."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self.sessions = Sessions(settings.secret_keys)
        self._redis = redis
        self._throttle = Throttle(redis)
        token = settings.admin_token
        self._admin = User(ADMIN, Role.ADMIN, users.digest(token), 0) if token else None

    def known(self) -> dict[str, User]:
        """All who may sign in."""
        found = users.everyone(self._redis)
        return found | {ADMIN: self._admin} if self._admin else found

    def by_cookie(self, cookie: str) -> tuple[Visitor, Session, int] | None:
        """Who has this cookie, with the session and the cookie's age in seconds; None where that is no session now."""
        opened = self.sessions.read(cookie, int(time.time()))
        if opened is None:
            return None
        session, age = opened
        user = self.known().get(session.name)
        if user is None or not session.is_of(user) or self._redis.exists(keys.signed_out(session.id)):
            return None
        return Visitor(user.name, user.role, "web", session.csrf), session, age

    def by_bearer(self, token: str, address: str) -> Visitor:
        """Who shows this token; NOBODY for one that nobody has. Raises TooManyTries."""
        if not self._throttle.lets_bearer(address):
            raise TooManyTries
        user = users.find(token, self.known().values())
        if user is None:
            self._throttle.wrong_bearer(address)
            self._refused("api", "wrong token")
            return NOBODY
        return Visitor(user.name, user.role, "api")

    def sign_in(self, token: str, address: str) -> Session | None:
        """A new session of whoever has this token; None where nobody has. Raises TooManyTries."""
        if not self._throttle.lets_sign_in(address):
            self._refused("web", "too many tries")
            raise TooManyTries
        user = users.find(token, self.known().values())
        if user is None:
            self._refused("web", "wrong token")
            return None
        self._throttle.signed_in(address)
        audit.note(self._redis, f"web:{user.name}", "sign-in")
        return begun(user)

    def sign_out(self, session: Session) -> None:
        """End a session, also for whoever has a copy of its cookie."""
        self._redis.set(keys.signed_out(session.id), 1, ex=LASTS)
        audit.note(self._redis, f"web:{session.name}", "sign-out")

    def _refused(self, who: Literal["web", "api"], outcome: str) -> None:
        if self._throttle.is_noted():
            log.warning("somebody was not let in (%s, %s); of such lines there are at most six an hour", who, outcome)
            audit.note(self._redis, who, "sign-in refused", outcome=outcome)
