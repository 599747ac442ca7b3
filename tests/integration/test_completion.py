"""The completion of commands and options: in bash, and by what the scripts of other shells ask for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from commands.main import COMMANDS
from ops.status_words import STATES
from tests.support.ops import environment, ferry_process


def told(var: Path, *words: str, **env: str) -> str:
    """What `ferry` prints."""
    ended = ferry_process(None, var, *words, **env)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def asked(var: Path, shell: str, words: str, word: str, **env: str) -> str:
    """What the script of a shell is told when it asks for a word, by its number or its beginning."""
    return told(var, **{"_FERRY_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": word, **env})


def completed(var: Path, words: str, number: int) -> list[str]:
    """What completes the word of that number, by the protocol that the script for bash uses."""
    return [line.partition(",")[2] for line in asked(var, "bash", words, str(number)).splitlines()]


def test_commands_are_completed_from_their_list(tmp_path: Path) -> None:
    assert completed(tmp_path, "ferry ", 1) == list(COMMANDS)
    assert completed(tmp_path, "ferry st", 1) == ["status"]


def test_subcommands_options_and_fixed_values_are_completed(tmp_path: Path) -> None:
    assert {"list", "show", "replay", "purge", "confirm", "export"} == set(completed(tmp_path, "ferry dead ", 2))
    assert completed(tmp_path, "ferry status --wa", 2) == ["--watch"]
    assert completed(tmp_path, "ferry status --state ", 3) == [*STATES]


def test_an_address_in_the_environment_does_not_disturb(tmp_path: Path) -> None:
    assert "add" in asked(tmp_path, "bash", "ferry users ", "2", FERRY_URL="https://ferry.example.com")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_script_asks_ferry(shell: str, tmp_path: Path) -> None:
    assert f"_FERRY_COMPLETE={shell}_complete" in told(tmp_path, "completion", shell)


def test_bash_completes_with_the_script(tmp_path: Path) -> None:
    program = """
eval "$(ferry completion bash)"
COMP_WORDS=(ferry fl); COMP_CWORD=1
_ferry_completion ferry
echo "${COMPREPLY[@]}"
"""
    env = environment(None, tmp_path / "var")
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    command = ["bash", "--norc", "-c", program]
    ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert (ended.stdout.split(), ended.stderr) == (["flush"], "")


@pytest.mark.parametrize(("shell", "word"), [("fish", "fl"), ("zsh", "1")])
def test_other_shells_get_what_their_scripts_ask_for(tmp_path: Path, shell: str, word: str) -> None:
    said = asked(tmp_path, shell, "ferry fl", word)
    assert said.replace(",", "\n").replace("\t", "\n").split("\n")[:3] == ["plain", "flush", COMMANDS["flush"][1]]
