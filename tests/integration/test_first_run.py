"""What `ferry up` prints to type works in another terminal as it stands, in each shell that this machine has."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import up as banner
from local import group_files
from tests.support.klaviyo import Account
from tests.support.ops import environment
from tests.support.up import HurriedUp, Up

#: By their programs, because sh is another name of one of them on many machines.
SHELLS = {
    Path(found).resolve(): name for name in ("sh", "bash", "dash", "zsh", "fish") if (found := shutil.which(name))
}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    started = HurriedUp(tmp_path_factory.mktemp("first run") / "my var")
    try:
        started.wait_until_up()
        yield started
    finally:
        started.end()


@pytest.mark.parametrize("shell", SHELLS.values())
def test_the_printed_commands_bring_the_first_change_to_klaviyo(up: Up, shell: str, tmp_path: Path) -> None:
    text = up.text()
    commands = text.partition("Try in another terminal:\n")[2].partition("\n\n\n")[0]
    commands = "\n".join(line for line in commands.splitlines() if line.startswith("  "))
    assert commands.count("\n") == 5, commands
    env = environment(None, up.var)
    del env["FERRY_VAR"]
    ran = subprocess.run(
        [shell, "-c", commands], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=180, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert '"accepted":1' in ran.stdout
    assert "default/audience/42" in ran.stdout
    assert "All settled: " in ran.stdout
    klaviyo = Account(group_files.read(up.var)["KLAVIYO_BASE_URL"])
    assert klaviyo.members("VIPs") == {"ann@example.com"}
    klaviyo.close()


def test_the_token_is_not_printed(up: Up) -> None:
    assert group_files.read(up.var)["FERRY_TOKENS"].partition(":")[2] not in up.text()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `ferry` in a virtual environment in the current folder, which was called."""
    program = tmp_path / ".venv" / "bin" / "ferry"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(program), "up"])
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin")
    return program


def test_a_program_that_is_not_on_the_path_is_called_by_its_own(installed: Path) -> None:
    assert banner._ferry(Path("var")) == ".venv/bin/ferry"
    assert banner._ferry(Path("/srv/ferry data")) == "FERRY_VAR='/srv/ferry data' .venv/bin/ferry"


def test_one_that_every_shell_finds_is_called_by_its_name(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(installed.parent))
    assert banner._ferry(Path("var")) == "ferry"


def test_one_of_an_activated_environment_is_called_by_its_path(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(installed.parent))
    monkeypatch.setenv("VIRTUAL_ENV", str(installed.parent.parent))
    assert banner._ferry(Path("var")) == ".venv/bin/ferry"


def test_another_of_the_same_name_on_the_path_is_not_meant(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "elsewhere" / "ferry"
    other.parent.mkdir()
    other.touch(0o755)
    monkeypatch.setenv("PATH", str(other.parent))
    assert banner._ferry(Path("var")) == ".venv/bin/ferry"
