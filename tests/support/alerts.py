"""Where alerts arrive: an HTTP server for Slack and webhooks, a mail server, and ways to have something be wrong."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from redis import Redis

from alerts import watching
from alerts.facts import Facts
from configuration.alerts import Alerting
from queues import keys
from queues.alerts import Alert, Raised
from queues.census import Census
from queues.clock import now_ms
from queues.counts import QueueCount
from queues.holds import Hold
from tests.support.listening import listening
from tests.support.tls import self_signed
from tests.support.waiting import apart

USER, PASSWORD = "ferry", "p@ss/word of the mail server"
SECRET = "with which the alerts are signed"
#: Percent-encoded, as it stands in an address.
LOGIN = "ferry:p%40ss%2Fword%20of%20the%20mail%20server"
NOW = 1_790_000_000_000


@dataclass(slots=True)
class Posts:
    """What came: `bodies` and `headers`. `statuses`: the next answers; 200 when there are none left."""

    url: str
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """What Slack would show."""
        return [json.loads(body)["text"] for body in self.bodies]


@contextmanager
def receiving() -> Iterator[Posts]:
    """An HTTP server, as long as the block lasts."""

    def take(_path: str, headers: Message, body: bytes) -> int:
        posts.headers.append(dict(headers))
        posts.bodies.append(body)
        return posts.statuses.pop(0) if posts.statuses else 200

    with listening(take) as port:
        posts = Posts(f"http://127.0.0.1:{port}/services/T0/B0/secret-of-slack")
        yield posts


@dataclass(slots=True)
class Mailbox:
    """A mail server's address (without scheme and user), its certificate, and the letters it took.

    `knows`: whether it has a box for anybody.
    """

    place: str
    certificate: Path
    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    knows: bool = True

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Called for each address of a letter."""
        if not self.knows:
            return f"550 nobody is called {address}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Called for each letter; it is taken from who has logged in."""
        if not session.authenticated:
            return "530 Authentication required"
        self.letters.append(message_from_bytes(envelope.content or b"", EmailMessage, policy=policy.default))  # type: ignore[arg-type]
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"


def _authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    return AuthResult(success=given == LoginPassword(USER.encode(), PASSWORD.encode()), handled=False)


@contextmanager
def mailing(folder: Path, *, tls_at_once: bool = False, starttls: bool = True) -> Iterator[Mailbox]:
    """A mail server that wants TLS, by STARTTLS or `tls_at_once`, and a login. `folder`: for its certificate.

    Without `starttls` it knows no TLS but that from the start.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = self_signed(folder)
    context.load_cert_chain(certificate)
    box = Mailbox("", certificate)
    loop = asyncio.new_event_loop()
    options: dict[str, Any] = {"authenticator": _authenticate, "hostname": "box", "loop": loop}
    # Over TLS from the start aiosmtpd sees no STARTTLS, and without this would offer no login.
    wants_tls = starttls and not tls_at_once
    options |= {"tls_context": context, "require_starttls": True} if wants_tls else {"auth_require_tls": False}
    at_once = context if tls_at_once else None
    made = loop.create_server(lambda: SMTP(box, **options), "127.0.0.1", 0, ssl=at_once)
    server = loop.run_until_complete(made)
    box.place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield box
    asyncio.run_coroutine_threadsafe(_ended(server), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(60)
    loop.close()


async def _ended(server: asyncio.Server) -> None:
    server.close()
    sessions = asyncio.all_tasks() - {asyncio.current_task()}
    for session in sessions:
        session.cancel()
    await asyncio.gather(*sessions, return_exceptions=True)


@contextmanager
def dripping(begin: bytes) -> Iterator[str]:
    """Host and port of a server that says a little again and again and never comes to an end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):  # the other side hangs up, which is what this is about
                connection.sendall(begin)
                while True:
                    connection.sendall(b"a")
                    apart(0.02)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(60)
        assert not thread.is_alive()


def everything_runs(redis: Redis) -> None:
    """A scheduler and a worker were seen just now."""
    redis.hset(keys.ALERTS_SEEN, mapping={"scheduler": now_ms(), "worker": now_ms()})


def judged(redis: Redis, alerting: Alerting) -> None:
    """A minute passes, and the alerts are judged."""
    redis.delete(keys.ALERTS_JUDGING)
    assert watching.judge(redis, alerting)


def alert(name: str = "holds/default/1", **more: str) -> Alert:
    """One that is made by hand."""
    known = {"rule": "holds", "on": "default", "text": "default is held: list_gone", "remedy": "Restore the list."}
    return Alert(name, **{**known, **more})


def over(minutes: int, **more: str) -> Raised:
    """An alert that has lasted for so long."""
    return Raised(alert(**more), 0, minutes * 60_000)


def facts(*counts: QueueCount, at: int = NOW, holds: dict[str, Hold] | None = None, **more: Any) -> Facts:
    """What the rules look at when nothing is wrong, and what `more` says."""
    census = Census(at, counts, holds or {}, at, {"a": "idle"})
    known = {"settlements": {}, "scheduler": at, "worker": at, "memory_used": 50, "memory_most": 100}
    return Facts(census, **{**known, **more})
