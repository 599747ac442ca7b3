"""Uploading by SFTP, to a real server on loopback."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from asyncssh import generate_private_key

from ops.errors import Failed, Misconfigured
from ops.export import sftp
from ops.export.sftp_server import place
from tests.support.sftp import Server, keys


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files of several blocks that hold anything."""
    made = [tmp_path / f"ferry-42-{number}.csv" for number in (1, 2)]
    for path in made:
        path.write_bytes(os.urandom(1_500_000))
    return made


def upload(sftp_server: Server, files: list[Path], **settings: str) -> tuple[int, dict[str, int]]:
    """How many were there already, and the bytes that were told of each file in the end."""
    told: dict[str, int] = {}
    values = {**sftp_server.settings, **settings}
    to = place(*(values[name] for name in ("FERRY_SFTP_URL", "FERRY_SFTP_KEY", "FERRY_SFTP_HOST_KEY")))
    there = asyncio.run(sftp.upload(to, files, lambda name, done: told.update({name: done})))
    return there, told


def test_files_arrive_byte_for_byte_and_nothing_else_is_left(sftp_server: Server, files: list[Path]) -> None:
    there, told = upload(sftp_server, files)
    assert there == 0
    assert told == {path.name: 1_500_000 for path in files}
    found = sftp_server.files()
    assert sorted(found.values()) == sorted(path.read_bytes() for path in files)
    assert all(name.startswith("ferry-42-") and name.endswith(".csv") for name in found)


def test_the_key_may_be_a_file_and_the_host_key_be_without_a_host(
    sftp_server: Server, files: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(sftp_server.user.private)
    upload(sftp_server, files, FERRY_SFTP_KEY=str(tmp_path / "key"), FERRY_SFTP_HOST_KEY=sftp_server.host.public)
    one_line = sftp_server.user.private.replace("\n", "\\n")
    assert upload(sftp_server, files, FERRY_SFTP_KEY=one_line)[0] == 2


def test_another_host_key_stops_before_anything_is_sent(sftp_server: Server, files: list[Path]) -> None:
    with pytest.raises(Failed, match=r"has another host key.*nothing was sent"):
        upload(sftp_server, files, FERRY_SFTP_HOST_KEY=f"127.0.0.1 {keys().public}")
    assert sftp_server.files() == {}


def test_a_key_that_the_server_does_not_know_is_said(sftp_server: Server, files: list[Path]) -> None:
    with pytest.raises(Failed, match="refuses the key of user 'klaviyo-user'"):
        upload(sftp_server, files, FERRY_SFTP_KEY=keys().private)
    assert sftp_server.files() == {}


def test_an_upload_that_was_cut_half_way_is_finished_by_repeating_it(sftp_server: Server, files: list[Path]) -> None:
    sftp_server.disk.cut_after = 2_200_000
    with pytest.raises(Failed, match=r"lost.*Repeat the command"):
        upload(sftp_server, files)
    (whole,) = (content for name, content in sftp_server.files().items() if not name.endswith(".part"))
    assert whole == files[0].read_bytes()
    sftp_server.disk.cut_after = None
    there, told = upload(sftp_server, files)
    assert there == 1
    assert told == {path.name: 1_500_000 for path in files}
    assert sorted(sftp_server.files().values()) == sorted(path.read_bytes() for path in files)


def test_a_file_of_the_same_name_with_other_people_is_sent_too(sftp_server: Server, files: list[Path]) -> None:
    upload(sftp_server, files[:1])
    files[0].write_bytes(os.urandom(1_500_000))
    there, _ = upload(sftp_server, files[:1])
    assert there == 0
    assert files[0].read_bytes() in sftp_server.files().values()
    assert len(sftp_server.files()) == 2


def test_a_server_without_room_is_said_and_no_half_file_is_called_whole(sftp_server: Server, files: list[Path]) -> None:
    sftp_server.disk.room = 1_000_000
    with pytest.raises(Failed, match=r"did not accept the file: .*no space left on device.*Repeat the command"):
        upload(sftp_server, files)
    assert all(name.endswith(".part") for name in sftp_server.files())


def test_a_folder_that_is_not_there_and_a_server_that_is_not_are_said(sftp_server: Server, files: list[Path]) -> None:
    url = sftp_server.settings["FERRY_SFTP_URL"]
    with pytest.raises(Failed, match="the folder does not exist"):
        upload(sftp_server, files, FERRY_SFTP_URL=url.replace("profiles", "elsewhere"))
    with pytest.raises(Failed, match="failed or was lost"):
        upload(sftp_server, files, FERRY_SFTP_URL=url.replace(f":{sftp_server.port}", ":1"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"FERRY_SFTP_KEY": "/nowhere/key"}, "neither the text of a private key nor a readable file"),
        ({"FERRY_SFTP_KEY": "-----BEGIN PRIVATE KEY-----"}, "not a readable private key"),
        ({"FERRY_SFTP_KEY": ""}, "FERRY_SFTP_KEY must be set"),
        ({"FERRY_SFTP_HOST_KEY": ""}, "FERRY_SFTP_HOST_KEY must be set"),
        ({"FERRY_SFTP_HOST_KEY": "sftp.klaviyo.com"}, "not a line of a known_hosts file"),
        ({"FERRY_SFTP_HOST_KEY": "host ssh-ed25519 AAAA"}, "not a line of a known_hosts file"),
    ],
)
def test_settings_that_cannot_work_are_named_and_never_repeated(
    sftp_server: Server, files: list[Path], settings: dict[str, str], words: str
) -> None:
    with pytest.raises(Misconfigured, match=words) as refused:
        upload(sftp_server, files, **settings)
    assert "nowhere" not in str(refused.value)
    assert sftp_server.files() == {}


def test_a_key_with_a_passphrase_is_said(sftp_server: Server, files: list[Path]) -> None:
    locked = generate_private_key("ssh-ed25519").export_private_key("pkcs8-pem", passphrase="secret").decode()
    with pytest.raises(Misconfigured, match="passphrase"):
        upload(sftp_server, files, FERRY_SFTP_KEY=locked)
