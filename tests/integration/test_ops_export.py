"""`ferry export`: the people of a file or an audience, as files for Klaviyo's SFTP import."""

from __future__ import annotations

import csv
import gzip
import io
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from ops.export.files import write
from queues.clock import now_ms
from queues.snapshots import members
from queues.snapshots.members import Bucket, Member, bucket_of
from tests.support.ops import VIPS, ferry, put, take
from tests.support.sftp import Server, keys

CONNECTIONS = """
[connections.brand-b]
full_profile = true
default_country = "DE"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the files go."""
    return tmp_path / "files"


@pytest.fixture
def export(redis: Redis, redis_url: str, tmp_path: Path) -> Any:
    """`ferry export`."""
    (tmp_path / "connections.toml").write_text(CONNECTIONS)
    return partial(ferry, redis_url, tmp_path, "export", FERRY_CONNECTIONS=str(tmp_path / "connections.toml"))


def rows(content: bytes) -> list[dict[str, str]]:
    return sorted(csv.DictReader(io.StringIO(content.decode(), newline="")), key=lambda row: list(row.values()))


def known(redis: Redis, *people: str) -> None:
    """These are members, as far as the ledger knows."""
    members.begin(redis, VIPS, f"{VIPS.partition:02d}-test")

    def filled(number: int, _: Bucket) -> Bucket:
        return Bucket({person: Member(now_ms()) for person in people if bucket_of(person) == number})

    members.edit(redis, VIPS, {bucket_of(person) for person in people}, filled)


def written(tmp_path: Path, *people: dict[str, Any]) -> str:
    """A file of these people."""
    path = tmp_path / "people.ndjson"
    path.write_text("".join(json.dumps(person) + "\n" for person in people))
    return str(path)


def test_members_and_those_who_are_about_to_join_are_exported_and_nobody_twice(
    export: Any, redis: Redis, folder: Path
) -> None:
    known(redis, "email:ann@example.com", "phone_number:+14155552671", "external_id:c-1", "email:p1@example.com")
    put(redis, "p0@example.com")
    assert take(redis) is None
    put(redis, "p1@example.com", "nonsense")
    told = export("VIPs", "--csv", "--output", str(folder))
    assert told.exit_code == 0, told.output
    assert told.stdout == f"{folder}/ferry-42-1.csv\n"
    assert "5 people in 1 file; left out: 1 email_invalid." in told.stderr
    found = rows((folder / "ferry-42-1.csv").read_bytes())
    assert [list(row.values()) for row in found] == [
        ["", "", "c-1"],
        ["", "+14155552671", ""],
        ["ann@example.com", "", ""],
        ["p0@example.com", "", ""],
        ["p1@example.com", "", ""],
    ]
    assert list(found[0]) == ["Email", "PhoneNumber", "ExternalID"]


def test_a_file_is_mapped_and_checked_by_the_rules_of_its_connection(export: Any, folder: Path, tmp_path: Path) -> None:
    people: list[dict[str, Any]] = [
        {"email": "ann@example.com", "phone": "030 901820", "attributes": {"first_name": "Ann", "plan": "silver"}},
        {"email": "Ann@example.com", "phone": "030 901820", "attributes": {"first_name": "Ann", "plan": "gold"}},
        {"email": "nonsense"},
        {"attributes": {"plan": "gold"}},
    ]
    told = export("77", written(tmp_path, *people), "--connection", "brand-b", "--output", str(folder))
    assert told.exit_code == 0, told.output
    assert "1 person in 1 file" in told.stderr
    assert "1 email_invalid" in told.stderr
    assert "1 identity_missing" in told.stderr
    assert rows((folder / "ferry-77-1.csv").read_bytes()) == [
        {"Email": "ann@example.com", "PhoneNumber": "+4930901820", "FirstName": "Ann", "plan": "gold"}
    ]


def test_without_full_profile_a_file_goes_out_as_a_sync_sends_it(export: Any, folder: Path, tmp_path: Path) -> None:
    file = written(tmp_path, {"email": "ann@example.com", "attributes": {"plan": "gold"}})
    assert export("77", file, "--output", str(folder)).exit_code == 0
    assert (folder / "ferry-77-1.csv").read_bytes() == b"Email\r\nann@example.com\r\n"


def test_the_form_of_a_file_is_seen_from_it(export: Any, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "people.csv.gz"
    file.write_bytes(gzip.compress(b"email,plan\nann@example.com,gold\n"))
    assert export("77", str(file), "--connection", "brand-b", "--output", str(folder)).exit_code == 0
    assert (folder / "ferry-77-1.csv").read_bytes() == b"Email,plan\r\nann@example.com,gold\r\n"


def test_a_file_that_breaks_off_makes_no_export(export: Any, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "people.csv.gz"
    file.write_bytes(gzip.compress(b"email\n" + b"ann@example.com\n" * 100)[:-10])
    told = export("77", str(file), "--output", str(folder))
    assert (told.exit_code, list(folder.iterdir())) == (1, [])
    assert str(file) in told.stderr


def test_an_audience_that_is_not_there_is_exported_from_a_file_only(export: Any, folder: Path) -> None:
    told = export("VIPs", "--output", str(folder))
    assert (told.exit_code, "there is no audience 'VIPs'" in told.stderr) == (2, True)


def test_files_are_uploaded_byte_for_byte_and_none_is_kept(
    export: Any, redis: Redis, sftp_server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    monkeypatch.chdir(folder)
    known(redis, "email:ann@example.com")
    put(redis, "bob@example.com")
    told = export("VIPs", "--csv", "--sftp", **sftp_server.settings)
    assert told.exit_code == 0, told.output
    assert list(sftp_server.files().values()) == [b"Email\r\nbob@example.com\r\nann@example.com\r\n"]
    assert list(folder.iterdir()) == []
    assert "1 file uploaded to 127.0.0.1." in told.stderr
    again = export("VIPs", "--csv", "--sftp", **sftp_server.settings)
    assert "1 of them already there from an earlier attempt" in again.stderr
    assert len(sftp_server.files()) == 1


def test_an_upload_that_was_cut_is_finished_by_repeating_the_command(
    export: Any, redis: Redis, sftp_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.export.write", partial(write, largest=200_000))
    people = [{"email": f"p{number}@example.com", "attributes": {"note": "x" * 5_000}} for number in range(200)]
    command = partial(
        export, "77", written(tmp_path, *people), "--connection", "brand-b", "--sftp", **sftp_server.settings
    )
    sftp_server.disk.cut_after = 500_000
    broken = command()
    assert broken.exit_code == 1
    assert "Repeat the command" in broken.stderr
    arrived = {name: content for name, content in sftp_server.files().items() if not name.endswith(".part")}
    assert len(arrived) == 2
    sftp_server.disk.cut_after = None
    assert command().exit_code == 0
    assert arrived.items() <= sftp_server.files().items()
    emails = [row["Email"] for content in sftp_server.files().values() for row in rows(content)]
    assert sorted(emails) == sorted(str(person["email"]) for person in people)


def test_what_is_missing_or_wrong_for_an_upload_is_said_before_anybody_is_written(
    export: Any, redis: Redis, sftp_server: Server, folder: Path
) -> None:
    put(redis, "bob@example.com")
    told = export("VIPs", "--sftp", "--output", str(folder))
    assert told.exit_code == 2
    assert "FERRY_SFTP_URL and FERRY_SFTP_KEY and FERRY_SFTP_HOST_KEY must be set" in told.stderr
    told = export("VIPs", "--sftp", **{**sftp_server.settings, "FERRY_SFTP_URL": "https://sftp.klaviyo.com"})
    assert (told.exit_code, "FERRY_SFTP_URL: it must be sftp://user@host/folder" in told.stderr) == (2, True)
    told = export("VIPs", "--sftp", **{**sftp_server.settings, "FERRY_SFTP_HOST_KEY": keys().public})
    assert (told.exit_code, "has another host key" in told.stderr) == (1, True)
    assert (sftp_server.files(), folder.exists()) == ({}, False)


def test_a_file_that_is_there_already_is_not_replaced(export: Any, redis: Redis, folder: Path) -> None:
    put(redis, "bob@example.com")
    assert export("VIPs", "--output", str(folder)).exit_code == 0
    before = (folder / "ferry-42-1.csv").read_bytes()
    put(redis, "ann@example.com")
    told = export("VIPs", "--output", str(folder))
    assert (told.exit_code, "already exists" in told.stderr) == (1, True)
    assert (folder / "ferry-42-1.csv").read_bytes() == before


def test_single_changes_are_no_people_of_an_audience(export: Any, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "changes.jsonl"
    file.write_text('{"IsAddRequest":true,"IdentityValues":{"Email":"ann@example.com"}}\n')
    told = export("77", str(file), "--output", str(folder))
    assert (told.exit_code, "use `ferry sync`" in told.stderr) == (2, True)
    assert list(folder.iterdir()) == []
