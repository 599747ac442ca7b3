"""Authenticates senders of Segment's messages, in addition to `Authorization: Token` and `Bearer`.

Segment signs the bodies of its webhooks. The libraries of Segment and RudderStack send their write key as the user name
of HTTP Basic; Segment's libraries for browsers and phones send it in the body instead (Segment: HTTP API).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable
from typing import Final

import falcon
import msgspec

from configuration.senders import Sender
from intake.http.faults import UNREADABLE

SIGNATURE: Final = "X-Signature"


def write_key(authorization: str | None) -> str:
    """Return the user name of `Authorization: Basic`; empty when there is none. The password is ignored."""
    scheme, _, shown = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        coded = shown.strip().rstrip("=")
        padded = coded + "=" * (-len(coded) % 4)  # some senders leave the padding out
        return base64.b64decode(padded, validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


class _WithKey(msgspec.Struct, rename="camel"):
    """A message or batch, of which only the write key is read."""

    write_key: str = ""


_with_key = msgspec.json.Decoder(_WithKey)


def posted_write_key(body: bytes) -> str:
    """Return `writeKey` at the top of a body; empty when there is none, also when the body cannot be read."""
    try:
        return _with_key.decode(body).write_key
    except UNREADABLE:
        return ""


class Signatures:
    """The secrets of all senders that sign."""

    def __init__(self, senders: Iterable[Sender]) -> None:
        self._secrets = [(secret.encode(), sender) for sender in senders for secret in sender.segment_secrets]

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def sender(self, signature: str, body: bytes) -> Sender:
        """Return the sender that signed the body. Raises HTTPUnauthorized.

        `signature`: the HMAC-SHA1 of the body, in hex (Segment: webhooks).
        """
        given = signature.strip().lower().encode()
        # Compared with the signature of every secret, so that the time does not reveal which one was close.
        matches = [sender for secret, sender in self._secrets if hmac.compare_digest(given, _sign(secret, body))]
        if not matches:
            raise unauthorized()
        return matches[0]


def _sign(secret: bytes, body: bytes) -> bytes:
    return hmac.new(secret, body, "sha1").hexdigest().encode()


def unauthorized() -> falcon.HTTPUnauthorized:
    """Return the answer to a request to `/v1/segment` without a valid token, write key or signature."""
    return falcon.HTTPUnauthorized(
        title="A valid token is needed",
        description="Send the header 'Authorization: Token <value>' (or Bearer, or Basic with the value as user name) "
        f"with a sender's token (of FERRY_TOKENS or token_env), or {SIGNATURE} with the HMAC-SHA1 of the body as sent, "
        "in hex, made with a secret of FERRY_SEGMENT_SECRETS or segment_secret_env.",
        challenges=['Token realm="ferry"', 'Bearer realm="ferry"', 'Basic realm="ferry"'],
    )


def invalid_write_key() -> falcon.HTTPUnauthorized:
    """Return the answer to a request to the tracking API without a valid token or write key.

    RudderStack's libraries for phones look for "invalid write key", and stop instead of repeating. There is no
    challenge for Basic: browsers would ask visitors for a password.
    """
    return falcon.HTTPUnauthorized(
        title="A valid token is needed",
        description="Invalid write key: give the library a sender's token (of FERRY_TOKENS or token_env) as its write "
        "key. It is read as the user name of 'Authorization: Basic', from 'Authorization: Token <value>' (or Bearer), "
        "and without that header from writeKey at the top of the body.",
        challenges=['Token realm="ferry"', 'Bearer realm="ferry"'],
    )
