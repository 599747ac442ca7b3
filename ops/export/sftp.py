"""Uploads files by SFTP with a private key, to a server whose host key is configured."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import asyncssh
from asyncssh import SFTPClient, SFTPError
from rich import progress as bar

from ops.errors import Failed
from ops.export.sftp_server import SftpServer
from ops.output import console, echo
from text.wording import number, plural

#: Called with the name of a file and the number of bytes uploaded.
Progress = Callable[[str, int], None]
_TIMEOUT_S: Final = 30


def upload_with_bars(to: SftpServer, files: Sequence[Path]) -> None:
    """Upload the files with a bar for each. Raises Failed."""
    columns = (bar.TextColumn("{task.description}"), bar.BarColumn(), bar.DownloadColumn(), bar.TimeElapsedColumn())
    with bar.Progress(*columns, console=console(stderr=True)) as bars:
        tasks = {file.name: bars.add_task(file.name, total=file.stat().st_size) for file in files}
        there = asyncio.run(upload(to, files, lambda name, done: bars.update(tasks[name], completed=done)))
    again = f", {number(there)} of them already there from an earlier attempt" if there else ""
    echo(f"{plural(len(files), 'file')} uploaded to {to.host}{again}.", err=True)


async def upload(to: SftpServer, files: Sequence[Path], progress: Progress) -> int:
    """Upload the files; return how many were already there from an earlier, interrupted upload.

    A file is named after its content (`ferry-42-1.<digest>.csv`), with `.part` until it is complete. Raises Failed.
    """
    try:
        async with (
            asyncssh.connect(
                to.host,
                to.port,
                username=to.user,
                client_keys=[to.key],
                known_hosts=(to.trusted, [], []),
                # Ignore the user's SSH configuration and agent: only the settings count.
                config=[],
                agent_path=None,
                preferred_auth=["publickey"],
                connect_timeout=_TIMEOUT_S,
                keepalive_interval=_TIMEOUT_S,
            ) as connection,
            connection.start_sftp_client() as client,
        ):
            return sum([await _put(client, to.folder, file, progress) for file in files])
    except (OSError, asyncssh.Error) as fault:
        raise Failed(_said(to, fault)) from fault


async def _put(client: SFTPClient, folder: str, file: Path, progress: Progress) -> bool:
    """Upload a file; return whether it was already there."""
    size = file.stat().st_size
    target = f"{folder.rstrip('/')}/{_remote_name(file)}"
    if await client.exists(target):
        # Only this content has that name, and it got the name when it was complete.
        progress(file.name, size)
        return True
    part = f"{target}.part"
    # Always from the start: blocks are sent in parallel, so a partial file has holes, and S3 behind SFTP cannot append.
    await client.put(str(file), part, progress_handler=lambda _from, _to, done, _all: progress(file.name, done))
    arrived = await client.getsize(part)
    if arrived != size:
        raise SFTPError(asyncssh.FX_FAILURE, f"{arrived} of {size} bytes arrived")
    await client.rename(part, target)
    return False


def _remote_name(file: Path) -> str:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=6)).hexdigest()
    return f"{file.stem}.{digest}{file.suffix}"


def _said(to: SftpServer, fault: Exception) -> str:
    """Return the fault, its place, and the remedy."""
    where = f"sftp://{to.host}:{to.port}{to.folder}"
    again = "Repeat the command: files that are already there are not sent again."
    match fault:
        case asyncssh.HostKeyNotVerifiable() | asyncssh.KeyExchangeFailed():
            return (
                f"{to.host} has another host key than FERRY_SFTP_HOST_KEY, so nothing was sent. Somebody may intercept "
                "the connection. Set the new key only if Klaviyo confirms the change."
            )
        case asyncssh.PermissionDenied():
            return (
                f"{to.host} refuses the key of user {to.user!r}. Give Klaviyo its public half (Integrations, Import "
                "via SFTP), and correct the user in FERRY_SFTP_URL."
            )
        case asyncssh.SFTPNoSuchFile() | asyncssh.SFTPNoSuchPath() | asyncssh.SFTPPermissionDenied():
            return f"{where}: the folder does not exist or is not writable ({fault.reason}). Correct FERRY_SFTP_URL."
        case asyncssh.SFTPNoSpaceOnFilesystem() | asyncssh.SFTPQuotaExceeded():
            return f"{where} has no space left. Free some there. {again}"
        case asyncssh.ConnectionLost() | asyncssh.SFTPConnectionLost() | asyncssh.SFTPNoConnection() | OSError():
            return f"the connection to {where} failed or was lost: {_cause(fault)}. {again}"
    return f"{where} did not accept the file: {_cause(fault)}. {again}"


def _cause(fault: Exception) -> str:
    return str(fault) or type(fault).__name__
