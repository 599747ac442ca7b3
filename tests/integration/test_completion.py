"""The completion of commands and options: in bash, and by what the scripts of other shells ask for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from commands.main import COMMANDS
from ops.status_words import STATES
from tests.support.ops import environment


def run(*command: str, cwd: Path, **env: str) -> str:
    """What a command prints, with `ferry` on its PATH."""
    known = environment(None, cwd / "var", **env)
    known["PATH"] = f"{Path(sys.executable).parent}:{known['PATH']}"
    ended = subprocess.run(command, cwd=cwd, env=known, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stderr == ""
    return ended.stdout


def completed(cwd: Path, words: str, number: int) -> list[str]:
    """What completes the word of that number, by the protocol that the script for bash uses."""
    said = run("ferry", cwd=cwd, _FERRY_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(number))
    return [line.partition(",")[2] for line in said.splitlines()]


def test_commands_are_completed_from_their_list(tmp_path: Path) -> None:
    assert completed(tmp_path, "ferry ", 1) == list(COMMANDS)
    assert completed(tmp_path, "ferry st", 1) == ["status"]


def test_subcommands_options_and_fixed_values_are_completed(tmp_path: Path) -> None:
    assert {"list", "show", "replay", "purge", "confirm", "export"} == set(completed(tmp_path, "ferry dead ", 2))
    assert completed(tmp_path, "ferry status --wa", 2) == ["--watch"]
    assert completed(tmp_path, "ferry status --state ", 3) == [*STATES]


def test_an_address_in_the_environment_does_not_disturb(tmp_path: Path) -> None:
    said = run(
        "ferry",
        cwd=tmp_path,
        _FERRY_COMPLETE="bash_complete",
        COMP_WORDS="ferry users ",
        COMP_CWORD="2",
        FERRY_URL="https://ferry.example.com",
    )
    assert "add" in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_script_asks_ferry(shell: str, tmp_path: Path) -> None:
    assert f"_FERRY_COMPLETE={shell}_complete" in run("ferry", "completion", shell, cwd=tmp_path)


def test_bash_completes_with_the_script(tmp_path: Path) -> None:
    program = """
eval "$(ferry completion bash)"
COMP_WORDS=(ferry fl); COMP_CWORD=1
_ferry_completion ferry
echo "${COMPREPLY[@]}"
"""
    assert run("bash", "--norc", "-c", program, cwd=tmp_path).split() == ["flush"]


@pytest.mark.parametrize(("shell", "word"), [("fish", "fl"), ("zsh", "1")])
def test_other_shells_get_what_their_scripts_ask_for(tmp_path: Path, shell: str, word: str) -> None:
    asked = {"_FERRY_COMPLETE": f"{shell}_complete", "COMP_WORDS": "ferry fl", "COMP_CWORD": word}
    said = run("ferry", cwd=tmp_path, **asked)
    assert said.replace(",", "\n").replace("\t", "\n").split("\n")[:3] == ["plain", "flush", COMMANDS["flush"][1]]
