"""The SFTP server for uploads: its address, Ferry's key, and the host keys that it must have."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import asyncssh

from ops.errors import Misconfigured

_NO_HOST_KEY: Final = (
    "FERRY_SFTP_HOST_KEY is not a line of a known_hosts file, such as `sftp.klaviyo.com ssh-ed25519 AAAA...`, which "
    "`ssh-keyscan sftp.klaviyo.com` prints"
)


@dataclass(frozen=True, slots=True)
class SftpServer:
    """The destination of files. `key`: Ferry's private key; `trusted`: the accepted host keys."""

    host: str
    port: int
    user: str
    folder: str
    key: asyncssh.SSHKey = field(repr=False)
    trusted: list[asyncssh.SSHKey] = field(repr=False)


def place(url: str | None, key: str | None, host_keys: str | None) -> SftpServer:
    """Return the server of the settings; `key`: the text of a private key, or its path. Raises Misconfigured."""
    given = {"FERRY_SFTP_URL": url, "FERRY_SFTP_KEY": key, "FERRY_SFTP_HOST_KEY": host_keys}
    if missing := [name for name, value in given.items() if not value]:
        raise Misconfigured(
            f"{' and '.join(missing)} must be set: where the files go (sftp://user@sftp.klaviyo.com/profiles), the "
            "private key whose public half Klaviyo has, and the server's host key as ssh-keyscan prints it, after "
            "you compared it with the one that Klaviyo publishes"
        )
    parts = urlsplit(str(url))
    return SftpServer(
        host=parts.hostname or "",
        port=parts.port or 22,
        user=unquote(parts.username or ""),
        folder=unquote(parts.path),
        key=_private_key(_key_text(str(key))),
        trusted=_trusted(str(host_keys)),
    )


def _key_text(key: str) -> str:
    if "PRIVATE KEY" in key:
        return key.replace("\\n", "\n")  # some consoles store line breaks like this
    try:
        return Path(key).read_text()
    except (OSError, UnicodeDecodeError) as fault:
        # The message must not contain the value: it may be a badly copied key.
        raise Misconfigured("FERRY_SFTP_KEY is neither the text of a private key nor a readable file") from fault


def _private_key(text: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(text)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as fault:
        raise Misconfigured(
            "FERRY_SFTP_KEY is not a readable private key; it must have no passphrase, like a key from "
            "`ssh-keygen -t ed25519 -N ''`"
        ) from fault


def _trusted(lines: str) -> list[asyncssh.SSHKey]:
    """Return the keys of known_hosts lines, whatever host they name: they are for this server only."""
    found = []
    for line in lines.splitlines():
        words = line.split()
        starts = [index for index, word in enumerate(words) if word.startswith(("ssh-", "ecdsa-", "sk-"))]
        if starts:
            found.append(_public_key(" ".join(words[starts[0] : starts[0] + 2])))
    if not found:
        raise Misconfigured(_NO_HOST_KEY)
    return found


def _public_key(text: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(text)
    except asyncssh.KeyImportError as fault:
        raise Misconfigured(_NO_HOST_KEY) from fault
