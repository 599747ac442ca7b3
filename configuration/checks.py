"""What the value of a setting must be; each check raises marshmallow's ValidationError, and none repeats a secret."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import ValidationError

from queues.server import connection, durability
from text.hosts import is_loopback

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: Proxies that are trusted unless FERRY_TRUSTED_PROXIES says otherwise: those on this machine.
LOOPBACK: Final[tuple[Network, ...]] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_SHORTEST_SECRET: Final = 16
_PREFIX: Final = re.compile(r"[A-Za-z0-9._:-]{1,40}")
_INSTALLATION: Final = re.compile(r"[A-Za-z0-9._:-]{1,100}")
#: Of who may do everything, at an address that anybody may try.
_SHORTEST_ADMIN: Final = 32


def klaviyo_key(key: str | None) -> None:
    """A private API key of Klaviyo's, if there is one."""
    # Never part of the message: it ends in logs.
    if key and (not key.startswith("pk_") or not key.isascii() or any(c.isspace() for c in key)):
        raise ValidationError("a private API key of Klaviyo starts with pk_ and holds no spaces.")


def redis_url(url: str) -> None:
    """An address that redis-py understands, or of Sentinels that know one."""
    if connection.is_sentinel(url):
        try:
            connection.read(url)
        except ValueError as fault:
            raise ValidationError(f"not an address of Sentinels: {fault}.") from None
    elif urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise ValidationError(
            "not an address of Redis: it starts with redis://, rediss:// or unix://, for Sentinels redis+sentinel://."
        )


def durable(text: str) -> None:
    """What Redis must confirm before a sender is answered."""
    try:
        durability.parse(text)
    except ValueError as fault:
        raise ValidationError(f"{fault}.") from None


def prefix(text: str | None) -> None:
    """What may stand in front of a key; no braces, which would take the place of the hash tags of Redis Cluster."""
    if text and not _PREFIX.fullmatch(text):
        raise ValidationError("it is up to 40 letters, digits and . _ : - and nothing else.")


def installation(text: str | None) -> None:
    """The name of an installation, which is printed."""
    if text and not _INSTALLATION.fullmatch(text):
        raise ValidationError("it is up to 100 letters, digits and . _ : - and nothing else.")


def is_local(url: str) -> bool:
    """Whether a base URL is of this machine: an emulator listens there, and no Klaviyo."""
    return is_loopback(urlsplit(url).hostname or "")


def base_url(url: str) -> None:
    """Scheme and host, and nothing that could be listened to on its way."""
    parts = urlsplit(url)
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise ValidationError("it must be a scheme and a host, and nothing else.")
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme != "http" or not is_loopback(parts.hostname or ""):
        raise ValidationError("keys and people's data go there: it must be https, or http on this machine.")


def sftp_url(url: str | None) -> None:
    """User, host and folder, if there is one; a password has no business there, for a key is used."""
    if not url:
        return
    parts = urlsplit(url)
    if parts.scheme != "sftp" or not parts.hostname or not parts.username or parts.password is not None:
        raise ValidationError("it must be sftp://user@host/folder, without a password.")
    try:
        _ = parts.port
    except ValueError:
        raise ValidationError("its port is no number from 0 to 65535.") from None


def web_address(url: str) -> None:
    """Where something may be posted to, or looked at: https, or http on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValidationError("not an address: its host or its port cannot be read.") from None
    if not host or parts.scheme not in ("https", "http") or parts.username is not None:
        raise ValidationError("it must be https://host/path, without a user.")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValidationError("it must be https, or http on this machine.")


def smtp_url(url: str) -> None:
    """A mail server, with user and password where it wants them; the way there is encrypted either way."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValidationError("not an address: write / @ : # ? in the password as %2F %40 %3A %23 %3F.") from None
    if parts.scheme not in ("smtp", "smtps") or not host or parts.path.strip("/"):
        raise ValidationError("it must be smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465.")
    if (parts.username is None) != (parts.password is None):
        raise ValidationError("it has a user without a password, or a password without a user.")


def named(text: str) -> tuple[str, str]:
    """Name and value of `name:value`; a value alone is named default."""
    name, colon, value = text.partition(":")
    return (name.strip(), value.strip()) if colon else ("default", text.strip())


def networks(texts: list[str]) -> tuple[Network, ...]:
    """The networks that are written so; an address alone is a network of one. Raises ValueError."""
    return tuple(ipaddress.ip_network(text.strip(), strict=False) for text in texts if text.strip())


def proxies(texts: list[Any]) -> None:
    """Addresses or networks."""
    try:
        networks([str(text) for text in texts])
    except ValueError:
        raise ValidationError("each is an address or a network, such as 10.0.0.0/8.") from None


def tokens(texts: list[Any]) -> None:
    """`name:value` each, of which empty ones do not count."""
    known = [named(str(text)) for text in texts if text]
    if any(len(value) < _SHORTEST_SECRET for _, value in known):
        raise ValidationError(f"each has at least {_SHORTEST_SECRET} characters.")
    if len({name for name, _ in known}) < len(known):
        raise ValidationError("two have the same name.")


def secrets(texts: list[Any]) -> None:
    """Keys to encrypt with, of which empty ones do not count."""
    for text in texts:
        if text:
            secret(str(text))


def secret(text: str) -> None:
    """A key to encrypt or sign with."""
    if len(text) < _SHORTEST_SECRET:
        raise ValidationError(f"a secret key has at least {_SHORTEST_SECRET} characters.")


def admin_token(token: str | None) -> None:
    """What the admin signs in with, if there is one: a text that can stand in a header."""
    if not token:
        return
    if len(token) < _SHORTEST_ADMIN or not token.isascii() or any(c.isspace() for c in token):
        raise ValidationError(f"it has at least {_SHORTEST_ADMIN} characters, ASCII and no spaces.")
