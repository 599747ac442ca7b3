"""The upload of an export, with progress bars."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from ops.export import sftp
from ops.export.sftp_server import SftpServer
from ops.output import console, echo
from text.wording import number, plural


def upload(to: SftpServer, files: Sequence[Path]) -> None:
    """Upload the files with a bar for each. Raises Failed."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True)) as bars:
        tasks = {file.name: bars.add_task(file.name, total=file.stat().st_size) for file in files}
        there = asyncio.run(sftp.upload(to, files, lambda name, done: bars.update(tasks[name], completed=done)))
    again = f", {number(there)} of them already there from an earlier attempt" if there else ""
    echo(f"{plural(len(files), 'file')} uploaded to {to.host}{again}.", err=True)
