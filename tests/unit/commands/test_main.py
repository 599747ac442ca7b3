from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands.main import COMMANDS, main
from tests.support.ops import NOWHERE, ferry


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_within_eighty_columns(name: str) -> None:
    told = CliRunner().invoke(main, [name, "--help"])
    assert told.exit_code == 0
    assert max(map(len, told.output.splitlines())) <= 80
    command = main.get_command(main.make_context("ferry", [name]), name)
    assert command is not None
    assert not command.get_short_help_str(60).endswith("..."), "the first sentence fits into the list of commands"
    assert command.get_short_help_str(60) == COMMANDS[name][1]


@pytest.mark.parametrize(
    "words",
    [
        ("nosuch",),
        ("flush",),
        ("flush", "--all", "42"),
        ("hold", "42"),
        ("estimate", "--profiles", "0"),
        ("preview", "--source", "x"),
        ("dead", "show"),
        ("dead", "list", "--older-than", "7x"),
    ],
)
def test_wrong_usage_ends_with_2(words: tuple[str, ...], tmp_path: Path) -> None:
    told = ferry("redis://127.0.0.1:1/0", tmp_path, *words)
    assert told.exit_code == 2
    assert told.stderr.startswith("Usage: ")


def test_wrong_settings_end_with_2(tmp_path: Path) -> None:
    told = ferry("redis://localhost", tmp_path, "status", KLAVIYO_API_KEY="s3cret")
    assert told.exit_code == 2
    assert "KLAVIYO_API_KEY: a private Klaviyo API key starts with pk_" in told.stderr
    assert "s3cret" not in told.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("flush", "--all"),
        ("hold", "42", "--reason", "x"),
        ("release", "42"),
        ("dead", "list"),
        ("dead", "replay", "--all"),
    ],
)
def test_a_redis_that_is_not_there_ends_with_1_and_without_the_password(words: tuple[str, ...], tmp_path: Path) -> None:
    told = ferry(NOWHERE, tmp_path, *words)
    assert told.exit_code == 1
    assert "Error: Redis at redis://127.0.0.1:1/0 cannot be used" in told.stderr
    assert "Start Redis there, or correct REDIS_URL" in told.stderr
    assert "s3cret" not in told.output


def test_the_doctor_goes_on_without_redis(tmp_path: Path) -> None:
    told = ferry(NOWHERE, tmp_path, "doctor", "--json", KLAVIYO_BASE_URL="http://127.0.0.1:1")
    found = {check["check"]: check["result"] for check in json.loads(told.stdout)}
    assert told.exit_code == 1
    assert (found["redis"], found["flush policy"], found["klaviyo"]) == ("fail", "ok", "ok")


def test_the_estimate_is_shown_with_its_arithmetic_and_what_limits_it(tmp_path: Path) -> None:
    told = ferry(NOWHERE, tmp_path, "estimate", "--profiles", "1000000")
    assert max(map(len, told.stdout.splitlines())) <= 80
    assert re.search(r"as set for default, new +100 +10,000 +30,000 +10,000 +74\.1 +uploads", told.stdout)
    assert re.search(r"largest upload, new +10,000 +100 +30,000 +10,000 +44\.4 +identity", told.stdout)
    assert re.search(r"largest upload, known +10,000 +100 +0 +10,000 +14\.8 +proof", told.stdout)
    assert re.search(r"files by SFTP +9 +unknown", told.stdout)
    assert "Minutes: the largest of uploads / 135, identity / 675 and proof / 675" in told.stdout


def test_an_estimate_has_the_same_numbers_for_programs(tmp_path: Path) -> None:
    cases = json.loads(ferry(NOWHERE, tmp_path, "estimate", "--profiles", "250", "--json").stdout)
    uploads, files = cases[:6], cases[6:]
    assert [(each["uploads"], each["people"]) for each in uploads] == [
        *((3, "new"), (3, "known"), (1, "new"), (1, "known"), (1, "new"), (1, "known")),
    ]
    assert [(each["identity_look_ups"], each["proof_look_ups"]) for each in uploads] == [(9, 3), (0, 3)] * 3
    assert [each["limited_by"] for each in uploads] == ["uploads", "uploads", *["identity", "uploads"] * 2]
    assert [(each["files"], each["minutes"]) for each in files] == [(1, None)] * 2, "Klaviyo publishes no rate"


def test_an_estimate_goes_by_the_settings_of_each_connection(tmp_path: Path) -> None:
    file = tmp_path / "connections.toml"
    file.write_text(
        """
        [connections.default]
        identifiers = "email_only"
        prove = "off"
        [connections.sampled]
        prove = "sample"
        upload_max = 200
        """
    )
    told = ferry(NOWHERE, tmp_path, "estimate", "--profiles", "1000", "--json", FERRY_CONNECTIONS=str(file))
    found = {(each["case"], each.get("people")): each for each in json.loads(told.stdout)}

    def look_ups(case: str) -> tuple[int, int]:
        return found[case, "new"]["identity_look_ups"], found[case, "new"]["proof_look_ups"]

    assert look_ups("as set for default") == look_ups("largest upload") == (0, 0)
    assert look_ups("as set for sampled") == (30, 5)


def test_the_registration_is_what_mparticle_imports(tmp_path: Path) -> None:
    told = json.loads(ferry(NOWHERE, tmp_path, "registration").stdout)
    assert told["type"] == "module_registration_response"
    assert told["permissions"]["user_identities"][0] == {"type": "email", "encoding": "raw", "required": True}


def test_a_preview_reads_standard_input_and_needs_no_redis(tmp_path: Path) -> None:
    message = {"audience": {"id": 42}, "changes": [{"action": "add", "email": "ann@example.com"}]}
    told = ferry(NOWHERE, tmp_path, "preview", "--source", "changes", text=json.dumps(message))
    assert told.exit_code == 0
    assert json.loads(told.stdout)["queues"][0]["people"][0]["profile"] == {"email": "ann@example.com"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("changes", "--connection", "brand-z"), "there is no connection 'brand-z'; known: default"),
        (("mparticle", "--connection", "default"), "mParticle's account determines the connection"),
    ],
)
def test_a_preview_for_a_connection_that_cannot_be_meant_ends_with_2(
    words: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    told = ferry(NOWHERE, tmp_path, "preview", "--source", *words, text='{"changes": []}')
    assert (told.exit_code, says in told.stderr) == (2, True)


def test_a_preview_of_an_unreadable_message_says_what_the_sender_would_get(tmp_path: Path) -> None:
    told = ferry(NOWHERE, tmp_path, "preview", "--source", "changes", text='{"changes": 1}')
    assert told.exit_code == 1
    assert "the answer would be 400: $.changes" in told.stderr
