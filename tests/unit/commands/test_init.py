"""`ferry init` writes settings that Ferry loads, and changes no file that is there."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from dotenv import dotenv_values

from commands.main import main
from configuration import settings
from configuration.connections_file import ConnectionSchema
from configuration.queries_schema import QuerySchema, SourceSchema

ANSWERS = "staging\nredis://redis:6379/1\nsegment\npk_of_ours\n"


def init(folder: Path, *words: str, **env: str) -> Result:
    """Call `ferry init` without a terminal, and with none of the machine's settings."""
    nothing = {name: None for name in os.environ if name.startswith(("FERRY_", "KLAVIYO_", "REDIS_"))}
    return CliRunner().invoke(main, ["init", "--folder", str(folder), *words], env={**nothing, **env})


def loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> settings.Settings:
    """The settings of a process that starts in this folder with its `.env`."""
    for name in list(os.environ):
        if name.startswith(("FERRY_", "KLAVIYO_", "REDIS_")):
            monkeypatch.delenv(name)
    for name, value in dotenv_values(folder / ".env").items():
        assert value is not None
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    return settings.load()


def test_what_it_writes_without_a_question_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = init(tmp_path, "--yes", "--installation", "staging", "--redis-url", "rediss://u:p%40@h:6380/0")
    assert told.exit_code == 0, told.output
    known = loaded(tmp_path, monkeypatch)
    assert (known.installation, known.redis_url) == ("staging", "rediss://u:p%40@h:6380/0")
    assert [token.name for token in known.tokens] == ["mparticle"]
    assert len(known.secret_keys) == 1
    assert known.admin_token
    assert next(iter(known.connections)).api_key is None
    assert known.connections.named("default").policy.size == 100


def test_answers_are_asked_for_at_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commands.init._is_terminal", lambda: True)
    nothing = {name: None for name in os.environ if name.startswith(("FERRY_", "KLAVIYO_", "REDIS_"))}
    told = CliRunner().invoke(main, ["init", "--folder", str(tmp_path)], input=ANSWERS, env=nothing)
    assert told.exit_code == 0, told.output
    assert "pk_of_ours" not in told.output
    known = loaded(tmp_path, monkeypatch)
    assert (known.installation, known.redis_url) == ("staging", "redis://redis:6379/1")
    assert [token.name for token in known.tokens] == ["segment"]
    assert known.connections.named("default").api_key == "pk_of_ours"


def test_the_key_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert init(tmp_path, "--yes", KLAVIYO_API_KEY="pk_of_ours").exit_code == 0
    assert loaded(tmp_path, monkeypatch).connections.named("default").api_key == "pk_of_ours"


def test_secrets_are_new_each_time_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert init(tmp_path / name, "--yes").exit_code == 0
        assert stat.S_IMODE((tmp_path / name / ".env").stat().st_mode) == 0o600
    one, other = (dotenv_values(tmp_path / name / ".env") for name in ("a", "b"))
    for secret in ("FERRY_TOKENS", "FERRY_ADMIN_TOKEN", "FERRY_SECRET_KEY"):
        assert one[secret] != other[secret]
    assert "FERRY_SECRET_KEY" not in init(tmp_path / "c", "--yes", "--json").output


def test_both_files_that_are_there_are_named(tmp_path: Path) -> None:
    assert init(tmp_path, "--yes").exit_code == 0
    assert "connections.toml exist already; nothing was written" in init(tmp_path, "--yes").stderr


@pytest.mark.parametrize("file", [".env", "connections.toml"])
def test_a_file_that_is_there_is_never_changed(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_text("mine")
    told = init(tmp_path, "--yes")
    assert told.exit_code == 1
    assert f"{file} exists already; nothing was written" in told.stderr
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(file, "mine")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--installation", "my company"], "letters, digits"),
        (["--redis-url", "localhost:6379"], "it must start with redis://"),
        (["--redis-url", "redis://user:s3cret$@host"], "need quotes"),
        (["--sender", "Mine:x"], "lower-case letters"),
    ],
)
def test_a_wrong_answer_is_refused_before_anything_is_written(tmp_path: Path, words: list[str], says: str) -> None:
    told = init(tmp_path, "--yes", *words)
    assert told.exit_code == 2
    assert says in told.stderr
    assert "s3cret" not in told.output
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_key_is_refused_without_being_shown(tmp_path: Path) -> None:
    told = init(tmp_path, "--yes", KLAVIYO_API_KEY="s3cret")
    assert (told.exit_code, "starts with pk_" in told.stderr, "s3cret" in told.output) == (2, True, False)


def test_every_option_in_a_comment_is_one_that_the_file_may_have(tmp_path: Path) -> None:
    assert init(tmp_path, "--yes").exit_code == 0
    text = (tmp_path / "connections.toml").read_text()
    lines = [line.removeprefix("# ") for line in text.splitlines()]
    read = tomllib.loads("\n".join(line for line in lines if line.startswith("[") or " = " in line))
    assert ConnectionSchema().validate(read["connections"]["default"]) == {}
    assert SourceSchema().validate(read["sources"]["warehouse"]) == {}
    assert QuerySchema().validate(read["queries"]["vips"]) == {}
    assert set(read) == {"connections", "senders", "sources", "queries", "alerts"}
