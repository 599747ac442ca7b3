"""Authenticates senders of Segment's messages, in addition to `Authorization: Token` and `Bearer`.

Segment signs the bodies of its webhooks, and the libraries of Segment and RudderStack send their write key as the user
name of HTTP Basic.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable
from typing import Final

import falcon

from configuration.senders import Sender

SIGNATURE: Final = "X-Signature"


def write_key(authorization: str | None) -> str:
    """Return the user name of `Authorization: Basic`; empty when there is none. The password is ignored."""
    scheme, _, shown = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(shown.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
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
