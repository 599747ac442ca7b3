"""A folder that somebody names holds a group, or the command says that it does not: no other Redis is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from commands.main import main
from tests.support.ops import ferry, ferry_process

#: What makes each command's other arguments right, so that nothing but the folder can be wrong.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "hold": ("default", "--reason", "x"),
    "release": ("default",),
    "flush": ("--all",),
    "explain": ("ann@example.com",),
    "sync": ("vips", "-"),
    "syncs": (),
    "reconcile": ("vips",),
    "preflight": ("vips",),
    "preview": ("--source", "changes", "-"),
    "export": ("vips",),
    "dead show": ("1-0",),
    "dead replay": ("--all",),
    "dead confirm": ("1-0",),
    "dead purge": ("--all", "--yes"),
    "dead export": (),
    "users add": ("ann", "--role", "viewer"),
    "users remove": ("ann",),
    "connections add": ("brand",),
    "connections test": ("default",),
    "connections remove": ("brand",),
    "connections rotate": ("default",),
}


def commands(group: click.Command, *names: str) -> Iterator[tuple[str, ...]]:
    """Every command that has `--var`."""
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            assert found is not None
            yield from commands(found, *names, name)
    if names not in ((), ("up",)) and any("--var" in parameter.opts for parameter in group.params):
        yield names


EVERY = sorted(commands(main))


def test_the_commands_were_found() -> None:
    assert {("status",), ("web",), ("worker",), ("dead", "replay"), ("connections", "add")} <= set(EVERY)


@pytest.mark.parametrize("names", EVERY, ids=" ".join)
def test_a_named_folder_without_a_group_is_an_error_for_every_command(names: tuple[str, ...], tmp_path: Path) -> None:
    words = (*names, "--var", str(tmp_path / "none"), *ARGUMENTS.get(" ".join(names), ()))
    told = ferry("", tmp_path, *words, text="", FERRY_VAR="")
    assert told.exit_code == 2, told.output
    assert f"no group in {tmp_path / 'none'}: " in told.stderr
    beside = ferry("redis://127.0.0.1:1", tmp_path, *words, text="", FERRY_VAR="")
    assert (beside.exit_code, "no group in" in beside.stderr) == (2, True), "REDIS_URL does not hide it"


@pytest.mark.parametrize("command", ["status", "web", "scheduler", "worker", "doctor"])
def test_the_variable_is_a_name_too(command: str, tmp_path: Path) -> None:
    told = ferry("", tmp_path / "none", command)
    assert told.exit_code == 2
    assert told.stderr.startswith(f"Error: no group in {tmp_path / 'none'}: ")


@pytest.mark.parametrize("content", ["", "FERRY_TOKENS='local:x'\n", "REDIS_URL=''\n"])
def test_a_group_file_without_a_redis_is_no_group(content: str, tmp_path: Path) -> None:
    (tmp_path / "group.env").write_text(content)
    told = ferry("", tmp_path, "status")
    assert (told.exit_code, f"no group in {tmp_path}" in told.stderr) == (2, True)


def test_a_group_with_another_redis_than_the_environment_is_an_error(redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "group.env").write_text("REDIS_URL='redis://group.example.com'\n")
    told = ferry_process(redis_url, tmp_path, "status", "--var", str(tmp_path))
    assert told.returncode == 2
    assert f"REDIS_URL of this environment is not the Redis of the group in {tmp_path}" in told.stderr
    (tmp_path / "group.env").write_text(f"REDIS_URL='{redis_url}'\n")
    assert ferry_process(redis_url, tmp_path, "status", "--var", str(tmp_path)).returncode == 0


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = ferry("", tmp_path, "status", "--var", str(tmp_path / "file"))
    assert told.exit_code == 2
    assert "Traceback" not in told.stderr
