"""E-mail, to a server that speaks TLS: from the start (`smtps://`) or by STARTTLS (`smtp://`), never without."""

from __future__ import annotations

import logging
import smtplib
import socket
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from alerts import texts
from alerts.errors import ChannelFailed
from alerts.news import News
from configuration.alerts import Mail
from klaviyo.deadline import Deadline

log = logging.getLogger(__name__)

#: Seconds without a byte; and for everything.
TIMEOUT_S: Final = 5.0
TOTAL_S: Final = 10.0
_PORTS: Final = {"smtp": 587, "smtps": 465}


def tell(mail: Mail, news: News) -> None:
    """Send the news. Raises ChannelFailed."""
    with Deadline(TOTAL_S) as deadline:
        try:
            _send(urlsplit(mail.server), letter(mail, news), deadline)
        except smtplib.SMTPResponseException as fault:
            # The code alone: what a server says may quote addresses.
            raise ChannelFailed(f"the mail server answered {fault.smtp_code} ({type(fault).__name__})") from None
        except (OSError, smtplib.SMTPException, UnicodeError) as fault:
            raise ChannelFailed("no answer in time" if deadline.passed else _why(fault)) from None


def _why(fault: Exception) -> str:
    match fault:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            codes = ", ".join(sorted({str(code) for code, _ in refused.values()}))
            return f"the mail server answered {codes} to every address of email_to"
        case smtplib.SMTPNotSupportedError():
            return "the mail server offers no STARTTLS or no login, or takes no address beyond ASCII"
    return f"network: {type(fault).__name__}"


def letter(mail: Mail, news: News) -> EmailMessage:
    """The message. Pure but for its id and date."""
    made = EmailMessage()
    made["Subject"] = f"Ferry: {texts.headline(news)}"
    made["From"] = mail.sender
    made["To"] = ", ".join(mail.to)
    made["Date"] = formatdate()
    # Not by this machine's name, which may be nobody's business and slow to look up.
    made["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer that somebody is on holiday
    made.set_content(f"{texts.body(news)}\n")
    return made


def _send(server: SplitResult, message: EmailMessage, deadline: Deadline) -> None:
    context = ssl.create_default_context()
    smtp = _connected(server, context, deadline)
    try:
        if server.scheme == "smtp":
            smtp.starttls(context=context)
            deadline.watch(smtp.sock)
        if server.username is not None:
            smtp.login(unquote(server.username), unquote(server.password or ""))
        if refused := smtp.send_message(message):
            log.warning("the mail server refused %d addresses of email_to: correct them", len(refused))
        # It is taken; a goodbye that fails must not have it sent again.
        with suppress(OSError, smtplib.SMTPException):
            smtp.quit()
    finally:
        smtp.close()


class _Watched(smtplib.SMTP):
    """Shows its socket to the deadline before the server's first word."""

    def __init__(self, server: SplitResult, deadline: Deadline, **more: Any) -> None:
        self._deadline = deadline
        port = server.port or _PORTS[server.scheme]
        # The machine's own name, because looking up its full one may take longer than all the rest.
        super().__init__(server.hostname or "", port, socket.gethostname(), timeout=TIMEOUT_S, **more)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        self._deadline.watch(sock)
        return sock


class _WatchedTLS(_Watched, smtplib.SMTP_SSL):
    pass


def _connected(server: SplitResult, context: ssl.SSLContext, deadline: Deadline) -> smtplib.SMTP:
    return _Watched(server, deadline) if server.scheme == "smtp" else _WatchedTLS(server, deadline, context=context)
