"""`ferry export`: write people into files for Klaviyo's SFTP import, and upload them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from redis import Redis

from commands.options import csv_safe_option, json_option, var_option
from configuration import settings
from configuration.connections import DEFAULT, Connection, UnknownConnection
from configuration.settings import Settings
from mappings.profile import Profile
from mappings.rules import Rules
from ops.errors import Failed
from ops.export import people as export_people
from ops.export.files import Written, write
from ops.export.sftp import upload_with_bars
from ops.export.sftp_server import place
from ops.ledger import ledger
from ops.output import echo, print_json
from ops.sync.source import FORMATS, source
from ops.sync.submit import shown
from ops.targets import find_audience, new_audience
from queues.census import meant
from queues.connections.accounts import Cipher
from queues.names import Queue
from snapshots import reading
from snapshots.rows import Selection, Unreadable
from text.wording import number, plural
from worker.connection import rules_of
from worker.errors import Held


@click.command()
@click.argument("audience", metavar="AUDIENCE")
@click.argument("file", required=False, type=click.Path(exists=True, allow_dash=True))
@click.option("--csv", "_csv", is_flag=True, expose_value=False, help="Format of the files; the only one.")
@csv_safe_option
@click.option(
    "--connection", metavar="NAME", help="For a new audience, or one in several connections.  [default: default]"
)
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the files, created if missing.  [default: this one; with --sftp, files are not kept]",
)
@click.option("--sftp", "to_sftp", is_flag=True, help="Upload the files to FERRY_SFTP_URL.")
@json_option
@var_option
def export(
    audience: str,
    file: str | None,
    csv_safe: bool,
    connection: str | None,
    output: Path | None,
    to_sftp: bool,
    as_json: bool,
) -> None:
    """Write people into files for Klaviyo's SFTP import.

    Writes the people of FILE (CSV, NDJSON, JSON or Parquet), with the attributes that `ferry sync` would send; without
    FILE, the members of AUDIENCE that Ferry knows and the people whose adds are pending. The files
    ferry-AUDIENCE-1.csv, -2 and so on are new, at most 50 MB each, and only you can read them. People who cannot be
    sent are left out and counted.

    The import writes profiles and adds nobody to a list: run `ferry sync AUDIENCE FILE --reconcile` after it. Klaviyo
    reports the result by e-mail; try a few rows first. Cells are exact; to open the files in a spreadsheet, write them
    with --csv-safe, and do not import those.

    \b
    Examples:
      ferry export VIPs --csv --output export
      ferry export VIPs vips.csv --csv --sftp
    """
    if csv_safe and to_sftp:
        raise click.UsageError(
            "Klaviyo would import the characters that --csv-safe adds: use --csv-safe or --sftp, not both"
        )
    known = settings.load()
    to = place(known.sftp_url, known.sftp_key, known.sftp_host_key) if to_sftp else None
    left_out: Counter[str] = Counter()
    with ledger(known, writes=to_sftp) as redis, _folder(output, to_sftp) as folder:
        queue = _queue(redis, known, audience, file is not None, connection)
        people = _people(redis, known, queue, file, left_out)
        try:
            written = write(people, Path(folder), queue.target, safe=csv_safe)
        except Unreadable as fault:
            raise Failed(f"{file}: {fault}") from fault
        kept = output is not None or to is None
        if as_json:
            files = [str(path) for path in written.files] if kept else []
            print_json({"people": written.people, "files": files, "left_out": left_out})
        _report(written, left_out, kept=kept)
        if to:
            upload_with_bars(to, written.files)


def _folder(output: Path | None, to_sftp: bool) -> TemporaryDirectory[str] | nullcontext[str]:
    if to_sftp and output is None:
        return TemporaryDirectory()
    folder = output or Path()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        raise Failed(f"{folder} cannot be created: {fault.strerror}") from fault
    return nullcontext(str(folder))


def _queue(redis: Redis, known: Settings, audience: str, new: bool, connection: str | None) -> Queue:
    """Return the audience's queue. With a file the audience may be new, because the import comes before the sync."""
    _connection(known, connection or DEFAULT)
    found = find_audience(audience, meant(redis, audience), connection)
    if found is None and not new:
        raise click.UsageError(f"there is no audience {audience!r}; `ferry status` lists the audiences")
    return found or new_audience(audience, (), connection or DEFAULT, audience)


def _connection(known: Settings, name: str) -> Connection:
    try:
        return known.connections.named(name)
    except UnknownConnection as fault:
        raise click.UsageError(str(fault)) from fault


def _people(redis: Redis, known: Settings, queue: Queue, file: str | None, left_out: Counter[str]) -> Iterator[Profile]:
    try:
        rules = rules_of(redis, known.connections, Cipher(known.secret_keys), queue)
    except Held as held:
        raise Failed(f"the people cannot be mapped: {held}") from held
    if file is None:
        return export_people.of_audience(redis, queue, rules, left_out)
    return _of_file(file, queue, _connection(known, queue.connection), rules, left_out)


def _of_file(
    file: str, queue: Queue, connection: Connection, rules: Rules, left_out: Counter[str]
) -> Iterator[Profile]:
    found = source(file, None, queue.target)
    if found.kind not in FORMATS:
        raise click.UsageError(f"{file} contains single changes, not the people of an audience: use `ferry sync`")
    selection = Selection.of(connection.full_profile, connection.default_attributes)
    settings = connection.columns_of(queue.target)
    with closing(shown(found)) as pieces:
        blocked = connection.identity.blocked
        rows = reading.rows(pieces, FORMATS[found.kind], found.gzip, selection, rules, blocked, settings)
        yield from export_people.of_file(rows, rules, left_out)


def _report(written: Written, left_out: Counter[str], *, kept: bool) -> None:
    reasons = ", ".join(f"{number(people)} {why}" for why, people in left_out.most_common())
    into = plural(len(written.files), "file")
    echo(f"{plural(written.people, 'person', 'people')} in {into}; left out: {reasons or 'nobody'}.", err=True)
    for path in written.files if kept else ():
        echo(str(path))
