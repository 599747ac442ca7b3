"""What every command has: examples that can be typed, --json, --quiet, and help within eighty columns."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner, Result

from commands.main import COMMANDS, main

#: Commands without --json and --quiet -> why.
WITHOUT: Final = {
    "demo": "it tells a story",
    "up": "it runs until it is stopped",
    "web": "it logs",
    "scheduler": "it logs",
    "worker": "it logs",
    "emulator": "it logs",
    "preview": "it always prints JSON",
    "registration": "it always prints JSON",
    "dead show": "it always prints JSON",
    "dead export": "it prints a file",
    "completion": "it prints a program of the shell",
}


def commands() -> dict[str, click.Command]:
    """Every command, groups too, by its words after `ferry`."""
    return dict(_below(main, ()))


def _below(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from _below(command, (*path, name))


EVERY: Final = commands()


def prints(command: click.Command) -> bool:
    """Whether it does something itself, not by a subcommand alone."""
    return not isinstance(command, click.Group) or command.invoke_without_command


def help_of(name: str) -> str:
    told = CliRunner().invoke(main, [*name.split(), "--help"])
    assert told.exit_code == 0, told.output
    return told.output


def examples(text: str) -> list[str]:
    """The lines of the examples in a help."""
    _, _, after = text.partition("Examples:\n")
    return [line.strip() for line in after.partition("\n\n")[0].splitlines()]


def called(line: str) -> list[str]:
    """The words after `ferry` of an example, without pipes and redirections."""
    inner = re.search(r"\$\((.*?)\)", line)
    words = shlex.split(inner[1] if inner else line, comments=True)
    parts: list[list[str]] = [[]]
    for word in words:
        if word in ("|", "||", "&&"):
            parts.append([])
        else:
            parts[-1].append(word)
    (ours,) = (part for part in parts if part[:1] == ["ferry"])
    cut = next((at for at, word in enumerate(ours) if word in ("<", ">")), len(ours))
    return ours[1:cut]


@pytest.fixture
def parse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], Result]:
    """Parses commands, and runs none: in a folder with the files that examples name."""
    for file in ("vips.csv", "message.json", "spring.json"):
        (tmp_path / file).write_text("")
    monkeypatch.chdir(tmp_path)
    for name in ("FERRY_VAR", "FERRY_URL", "FERRY_PREFIX", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FERRY_VAR", "var")  # so that it is as before afterwards, whatever an example sets
    monkeypatch.delenv("FERRY_VAR")
    monkeypatch.setattr(click.Command, "invoke", lambda _self, _context: None)
    return lambda words: CliRunner().invoke(main, words)


def test_the_commands_are_those_of_the_help() -> None:
    assert {name.split()[0] for name in EVERY} == set(COMMANDS)
    assert len(EVERY) > len(COMMANDS) + 15


@pytest.mark.parametrize("name", ["", *EVERY])
def test_every_help_has_examples_of_the_command_that_can_be_typed(
    name: str, parse: Callable[[list[str]], Result]
) -> None:
    text = help_of(name)
    found = examples(text)
    assert found, "at least one example"
    for line in found:
        told = parse(called(line))
        assert told.exit_code == 0, f"{line}: {told.output}"
    assert any(called(line)[: len(name.split())] == name.split() for line in found)
    assert max(map(len, text.splitlines())) <= 80


def test_an_example_that_cannot_be_typed_is_found(parse: Callable[[list[str]], Result]) -> None:
    for line in ("ferry status --wach", "ferry dead list --older-than soon", "ferry hold VIPs", "ferry sync 42 no.csv"):
        assert parse(called(line)).exit_code == 2, line


def test_words_of_an_example_are_those_of_ferry_alone() -> None:
    assert called("pass show klaviyo | ferry connections add brand-c") == ["connections", "add", "brand-c"]
    assert called('eval "$(ferry completion bash)"   # ~/.bashrc') == ["completion", "bash"]
    assert called("ferry dead export > letters.ndjson") == ["dead", "export"]
    assert called('ferry status --check || echo "x"') == ["status", "--check"]


@pytest.mark.parametrize("name", [name for name, command in EVERY.items() if prints(command)])
def test_every_command_that_prints_has_json_and_quiet(name: str) -> None:
    options = {option for parameter in EVERY[name].params for option in parameter.opts}
    has = {"--json", "--quiet"} & options
    assert has == (set() if name in WITHOUT else {"--json", "--quiet"}), WITHOUT.get(name)


def test_the_reasons_are_of_commands_there_are() -> None:
    assert set(WITHOUT) <= set(EVERY)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["statsu"], "'status'"),
        (["conections"], "'connections'"),
        (["dead", "reply"], "'replay'"),
        (["users", "ad"], "'add'"),
        (["status", "--wach"], "--watch"),
        (["flush", "--wiat", "--all"], "--wait"),
        (["dead", "purge", "--dry-rum"], "--dry-run"),
    ],
)
def test_a_mistyped_command_or_option_is_answered_with_what_may_be_meant(words: list[str], meant: str) -> None:
    told = CliRunner().invoke(main, words, env={name: None for name in os.environ if name.startswith("FERRY_")})
    assert told.exit_code == 2
    assert "Did you mean" in told.stderr
    assert meant in told.stderr
    assert CliRunner().invoke(main, ["zzzzz"]).stderr.count("Did you mean") == 0
