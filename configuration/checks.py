"""Checks of setting values, and an example of each setting.

Each check raises marshmallow's ValidationError, and its message never repeats a secret.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import ValidationError

from queues.server import cluster_url, sentinel
from queues.server.connection import parse_durability

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: The proxies trusted by default, without FERRY_TRUSTED_PROXIES: those on this machine.
LOOPBACK: Final[tuple[Network, ...]] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_SHORTEST_SECRET: Final = 16
_PREFIX: Final = re.compile(r"[A-Za-z0-9._:-]{1,40}")
_INSTALLATION: Final = re.compile(r"[A-Za-z0-9._:-]{1,100}")
#: Longer than other secrets: the admin may do everything, and anyone can try to sign in.
_SHORTEST_ADMIN: Final = 32
#: An example for each environment variable that may be set.
EXAMPLES: Final = {
    "REDIS_URL": "redis://localhost:6379/0, rediss://user:password@host:6380, or unix:///path/to/redis.sock",
    "FERRY_PREFIX": "staging:",
    "FERRY_INSTALLATION": "production, or the output of: openssl rand -hex 16",
    "KLAVIYO_API_KEY": "pk_0123456789abcdef",
    "KLAVIYO_BASE_URL": "https://a.klaviyo.com",
    "FERRY_KLAVIYO_REVISION": "2026-07-15",
    "FERRY_TOKENS": "mparticle:0b5c4d3f7a1e4c66,backoffice:6f1d2c9a8b7e4f30",
    "FERRY_SEGMENT_SECRETS": "new:3c0e7b51d2f94a68,old:d41f8e6a90b27c35",
    "FERRY_FLUSH_SIZE": "100",
    "FERRY_FLUSH_MINUTES": "960",
    "FERRY_UPLOAD_MAX": "100",
    "FERRY_MAX_PENDING": "5000000",
    "FERRY_MAX_PENDING_PER_QUEUE": "1000000",
    "FERRY_DURABLE": "fsync, replicas:1, or local",
    "FERRY_REDIS_CONNECTIONS": "20",
    "FERRY_SECRET_KEY": "a long random text, such as the output of: openssl rand -hex 32",
    "FERRY_ADMIN_TOKEN": "a long random text, such as the output of: openssl rand -hex 32",
    "FERRY_CONNECTIONS": "connections.toml",
    "FERRY_SFTP_URL": "sftp://user@sftp.klaviyo.com/profiles",
    "FERRY_SFTP_KEY": "/run/secrets/klaviyo_sftp, or the text of a private key",
    "FERRY_SFTP_HOST_KEY": "sftp.klaviyo.com ssh-ed25519 AAAA...",
    "FERRY_TRUSTED_PROXIES": "10.0.0.0/8,127.0.0.1",
    "FERRY_VAR": "./var",
    "PORT": "8000",
}


def klaviyo_key(key: str | None) -> None:
    """Check a private Klaviyo API key, if there is one."""
    # The message must not contain the key, because it ends up in logs.
    if key and (not key.startswith("pk_") or not key.isascii() or any(c.isspace() for c in key)):
        raise ValidationError("a private Klaviyo API key starts with pk_ and has no spaces.")


def klaviyo_revision(text: str | None) -> None:
    """Check a revision of Klaviyo's API."""
    from klaviyo.revision import TESTED  # reads the variable at import, which must come after adopt_at_import()

    if text and text not in TESTED:
        raise ValidationError(
            f"Ferry is tested with the revisions {' and '.join(TESTED)} of Klaviyo's API, not {text}."
        )


def redis_url(url: str) -> None:
    """Check a Redis address that redis-py understands, or an address of Sentinels or of a cluster."""
    if urlsplit(url).scheme in sentinel.SCHEMES:
        try:
            sentinel.read(url)
        except ValueError as fault:
            raise ValidationError(f"not an address of Sentinels: {fault}.") from None
    elif cluster_url.is_cluster(url):
        try:
            cluster_url.read(url)
        except ValueError as fault:
            raise ValidationError(f"not an address of a Redis Cluster: {fault}.") from None
    elif urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise ValidationError(
            "not an address of Redis: it must start with redis://, rediss:// or unix://, with redis+sentinel:// or "
            "redis+cluster://."
        )


def durable(text: str) -> None:
    """Check which confirmation of Redis the intake waits for before it answers a sender."""
    try:
        parse_durability(text)
    except ValueError as fault:
        raise ValidationError(f"{fault}.") from None


def prefix(text: str | None) -> None:
    """Check a prefix of Redis keys; braces are not allowed, because Redis Cluster would read them as hash tags."""
    if text and not _PREFIX.fullmatch(text):
        raise ValidationError("it may have up to 40 characters: letters, digits and . _ : -")


def installation(text: str | None) -> None:
    """Check the name of an installation, which appears in messages."""
    if text and not _INSTALLATION.fullmatch(text):
        raise ValidationError("it may have up to 100 characters: letters, digits and . _ : -")


def is_loopback(host: str) -> bool:
    """Whether a host without a port is `localhost`, `x.localhost` (RFC 6761), in 127.0.0.0/8 or ::1."""
    try:
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_local(url: str) -> bool:
    """Return whether a base URL is on this machine, and so belongs to an emulator and not to Klaviyo."""
    return is_loopback(urlsplit(url).hostname or "")


def base_url(url: str) -> None:
    """Check a base URL: only scheme and host, and https unless it is on this machine."""
    parts = urlsplit(url)
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise ValidationError("it must be only a scheme and a host.")
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme != "http" or not is_loopback(parts.hostname or ""):
        raise ValidationError("it must be https, or http on this machine: keys and personal data are sent there.")


def sftp_url(url: str | None) -> None:
    """Check an SFTP URL with user, host and optional folder; a password is refused, because a key is used."""
    if not url:
        return
    parts = urlsplit(url)
    if parts.scheme != "sftp" or not parts.hostname or not parts.username or parts.password is not None:
        raise ValidationError("it must be sftp://user@host/folder, without a password.")
    try:
        _ = parts.port
    except ValueError:
        raise ValidationError("its port must be a number from 0 to 65535.") from None


def web_address(url: str) -> None:
    """Check a web address: https, or http on this machine."""
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
    """Check the address of a mail server, with user and password if required; both schemes encrypt the connection."""
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
    """Return name and value of `name:value`; a value alone gets the name `default`."""
    name, colon, value = text.partition(":")
    return (name.strip(), value.strip()) if colon else ("default", text.strip())


def networks(texts: list[str]) -> tuple[Network, ...]:
    """Return the networks in `texts`; a single address is a network of one. Raises ValueError."""
    return tuple(ipaddress.ip_network(text.strip(), strict=False) for text in texts if text.strip())


def proxies(texts: list[Any]) -> None:
    """Check addresses or networks."""
    try:
        networks([str(text) for text in texts])
    except ValueError:
        raise ValidationError("each must be an address or a network, such as 10.0.0.0/8.") from None


def tokens(texts: list[Any]) -> None:
    """Check entries of the form `name:value`; empty ones are ignored."""
    known = [named(str(text)) for text in texts if text]
    if any(len(value) < _SHORTEST_SECRET for _, value in known):
        raise ValidationError(f"each must have at least {_SHORTEST_SECRET} characters.")
    if len({name for name, _ in known}) < len(known):
        raise ValidationError("two have the same name.")


def secrets(texts: list[Any]) -> None:
    """Check encryption keys; empty ones are ignored."""
    for text in texts:
        if text:
            secret(str(text))


def secret(text: str) -> None:
    """Check a key for encrypting or signing."""
    if len(text) < _SHORTEST_SECRET:
        raise ValidationError(f"a secret key must have at least {_SHORTEST_SECRET} characters.")


def admin_token(token: str | None) -> None:
    """Check the token that the admin signs in with, if there is one; it must be valid in a header."""
    if not token:
        return
    if len(token) < _SHORTEST_ADMIN or not token.isascii() or any(c.isspace() for c in token):
        raise ValidationError(f"it must have at least {_SHORTEST_ADMIN} characters, only ASCII and no spaces.")
