"""The e-mail channel. It always uses TLS: from the start (`smtps://`) or by STARTTLS (`smtp://`)."""

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

from alerts.news import ChannelFailed, News, full_text, headline
from configuration.alerts import Mail
from klaviyo.deadline import Deadline

log = logging.getLogger(__name__)

#: Seconds without a byte, and in total.
TIMEOUT_S: Final = 5.0
TOTAL_S: Final = 10.0
_PORTS: Final = {"smtp": 587, "smtps": 465}


def tell(mail: Mail, news: News) -> None:
    """Send the news. Raises ChannelFailed."""
    with Deadline(TOTAL_S) as deadline:
        try:
            _send(urlsplit(mail.server), letter(mail, news), deadline)
        except smtplib.SMTPResponseException as fault:
            # Only the code: the server's text may quote addresses.
            raise ChannelFailed(f"the mail server answered {fault.smtp_code} ({type(fault).__name__})") from None
        except (OSError, smtplib.SMTPException, UnicodeError) as fault:
            raise ChannelFailed("no answer in time" if deadline.passed else _why(fault)) from None


def _why(fault: Exception) -> str:
    match fault:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            codes = ", ".join(sorted({str(code) for code, _ in refused.values()}))
            return f"the mail server answered {codes} to every address in email_to"
        case smtplib.SMTPNotSupportedError():
            return "the mail server does not offer STARTTLS or login, or does not accept addresses beyond ASCII"
    return f"network: {type(fault).__name__}"


def letter(mail: Mail, news: News) -> EmailMessage:
    """Build the message. Pure except for its id and date."""
    made = EmailMessage()
    made["Subject"] = f"Ferry: {headline(news)}"
    made["From"] = mail.sender
    made["To"] = ", ".join(mail.to)
    made["Date"] = formatdate()
    # Not this machine's name: it may be confidential, and slow to look up.
    made["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: suppresses out-of-office replies
    made.set_content(f"{full_text(news)}\n")
    return made


def _send(server: SplitResult, message: EmailMessage, deadline: Deadline) -> None:
    context = ssl.create_default_context()
    smtp = _connected(server, context, deadline)
    try:
        if server.scheme == "smtp":
            smtp.starttls(context=context)
        if server.username is not None:
            smtp.login(unquote(server.username), unquote(server.password or ""))
        if refused := smtp.send_message(message):
            log.warning("the mail server refused %d of the addresses in email_to; correct them", len(refused))
        # The server has taken the message; a failing QUIT must not cause another attempt.
        with suppress(OSError, smtplib.SMTPException):
            smtp.quit()
    finally:
        smtp.close()


class _Bounded(smtplib.SMTP):
    """An SMTP client whose sending and reading obey the deadline."""

    def __init__(self, server: SplitResult, deadline: Deadline, **more: Any) -> None:
        self._deadline = deadline
        port = server.port or _PORTS[server.scheme]
        # The short host name, because looking up the full one may take longer than everything else.
        super().__init__(server.hostname or "", port, socket.gethostname(), timeout=TIMEOUT_S, **more)

    def send(self, s: Any) -> None:
        if self.sock is not None:
            self._deadline.bound(self.sock)
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = self._deadline.reader(self.sock)
        return super().getreply()


class _BoundedTLS(_Bounded, smtplib.SMTP_SSL):
    pass


def _connected(server: SplitResult, context: ssl.SSLContext, deadline: Deadline) -> smtplib.SMTP:
    return _Bounded(server, deadline) if server.scheme == "smtp" else _BoundedTLS(server, deadline, context=context)
