from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local import embedded_redis, group_files
from local.group import LocalGroup, generated, leftovers, stages
from local.group_files import locked, note_path
from local.supervisor import wait_s
from ops.errors import Failed

GROUP = LocalGroup(Path("var"), "127.0.0.1", 8000, 2, Path("redis.sock"), 9400)
OURS = LocalGroup(Path("var"), "127.0.0.2", 8000, 1, None, None)


def test_programs_start_in_the_order_in_which_they_need_each_other() -> None:
    named = [[program.name for program in stage] for stage in stages(GROUP)]
    assert named == [["redis"], ["emulator"], ["worker 1", "worker 2"], ["scheduler"], ["web"]]


def test_a_redis_and_a_klaviyo_of_ones_own_are_not_started_again() -> None:
    assert [[program.name for program in stage] for stage in stages(OURS)] == [["worker 1"], ["scheduler"], ["web"]]


def test_all_end_within_twenty_seconds() -> None:
    assert sum(max(program.stop_s for program in stage) for stage in stages(GROUP)) < 20


def test_the_server_keeps_everything_and_evicts_nothing() -> None:
    command = embedded_redis.command(Path("var"), Path("redis.sock"))
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] == "everysec"
    assert options["--maxmemory-policy"] == "noeviction"
    assert options["--port"] == "0"


def test_secrets_are_made_once_and_those_of_the_environment_are_not_written_down() -> None:
    first = generated({}, {})
    assert set(first) == {"FERRY_TOKENS", "FERRY_SECRET_KEY", "FERRY_ADMIN_TOKEN", "FERRY_INSTALLATION"}
    assert generated(first, {}) == first
    mine = {"FERRY_TOKENS": "mine:0123456789abcdef"}
    assert generated({}, mine).keys() == {"FERRY_SECRET_KEY", "FERRY_ADMIN_TOKEN", "FERRY_INSTALLATION"}
    assert generated(first, mine) == first, "what was made before stays, for it may be needed again"
    assert generated({}, {}) != first


def test_a_shell_that_has_read_the_group_file_wishes_nothing_by_it() -> None:
    socket = Path("/my/var/redis.sock")
    known = {"REDIS_URL": "unix:///my/var/redis.sock", "KLAVIYO_API_KEY": "pk_emulator", "KLAVIYO_BASE_URL": "http://e"}
    assert leftovers(known, known, socket) == ["REDIS_URL", "KLAVIYO_API_KEY", "KLAVIYO_BASE_URL"]
    wished = {"REDIS_URL": "redis://mine", "KLAVIYO_API_KEY": "pk_mine", "KLAVIYO_BASE_URL": "http://mine"}
    assert leftovers(known, wished, socket) == []
    assert leftovers({}, {"KLAVIYO_BASE_URL": ""}, socket) == []


def test_the_address_of_an_emulator_beside_a_key_of_ones_own_is_wished() -> None:
    known = {"KLAVIYO_API_KEY": "pk_emulator", "KLAVIYO_BASE_URL": "http://127.0.0.1:9414"}
    for key in ({"KLAVIYO_API_KEY": "pk_mine"}, {}):
        assert leftovers(known, {**key, "KLAVIYO_BASE_URL": "http://127.0.0.1:9414"}, Path("redis.sock")) == []


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (1000, 30)])
def test_a_program_that_keeps_ending_is_started_ever_later(failures: int, seconds: float) -> None:
    assert wait_s(failures) == seconds


def test_the_socket_is_in_the_folder_where_its_path_is_short_enough(tmp_path: Path) -> None:
    with embedded_redis.socket_path(tmp_path) as socket:
        assert socket == tmp_path.resolve() / "redis.sock"


def test_the_socket_moves_to_a_temporary_folder_where_it_is_not(
    tmp_path: Path,
) -> None:
    with embedded_redis.socket_path(tmp_path / ("x" * 100)) as socket:
        assert len(os.fsencode(socket)) <= embedded_redis.LONGEST_PATH
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert not socket.parent.exists()


def test_a_socket_that_fits_nowhere_is_refused_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("y" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with (
        pytest.raises(Failed, match="choose another --var or TMPDIR"),
        embedded_redis.socket_path(tmp_path / ("x" * 100)),
    ):
        pass


def test_a_socket_is_elsewhere_if_its_path_has_a_space(tmp_path: Path) -> None:
    with embedded_redis.socket_path(tmp_path / "my var") as socket:
        assert " " not in str(socket), "workers cannot read what the server says of such a path"


_text = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="$"), min_size=1)


@given(_text)
def test_a_value_of_the_group_file_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, value: str
) -> None:
    var = tmp_path_factory.mktemp("var")
    group_files.write(var, {"REDIS_URL": value, "PORT": "8000"})
    assert group_files.read(var) == {"REDIS_URL": value, "PORT": "8000"}


def test_the_group_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    group_files.write(tmp_path, {"FERRY_TOKENS": "local:secret"})
    assert stat.S_IMODE(group_files.path(tmp_path).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["group.env"]


def test_a_folder_without_a_group_file_knows_nothing(tmp_path: Path) -> None:
    assert group_files.read(tmp_path) == {}


def test_a_second_group_in_one_folder_is_told_who_is_there(tmp_path: Path) -> None:
    with locked(tmp_path) as lock:
        lock.note({"web": 1})
        with (
            pytest.raises(Failed, match=rf"is already running in {tmp_path} \(process {os.getpid()}\)"),
            locked(tmp_path),
        ):
            pass
    with locked(tmp_path):
        pass


def test_children_of_a_killed_supervisor_are_named(tmp_path: Path) -> None:
    with locked(tmp_path):
        note_path(tmp_path).write_text(json.dumps({"ferry up": 999999999, "web": os.getpid(), "worker 1": 999999998}))
        with (
            pytest.raises(Failed, match=rf"left processes behind. End them with `kill {os.getpid()}`"),
            locked(tmp_path),
        ):
            pass


@pytest.mark.parametrize("note", [None, {"ferry up": 999999999, "web": 999999998}])
def test_a_group_that_took_the_folder_just_now_has_written_nothing_down_yet(
    tmp_path: Path, note: dict[str, int] | None
) -> None:
    if note:  # of the group before
        note_path(tmp_path).write_text(json.dumps(note))
    with (
        locked(tmp_path),
        pytest.raises(Failed, match=rf"is already running in {tmp_path}\. See `ferry status"),
        locked(tmp_path),
    ):
        pass


def test_who_reads_the_process_ids_while_they_change_reads_whole_ones(tmp_path: Path) -> None:
    with locked(tmp_path) as lock:
        lock.note({"web": 1})
        with note_path(tmp_path).open() as reading:
            lock.note({"web": 1_000_000, "worker 1": 2})
            assert json.load(reading) == {"ferry up": os.getpid(), "web": 1}
        assert json.loads(note_path(tmp_path).read_text())["worker 1"] == 2
