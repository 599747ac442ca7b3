"""Processes that cannot begin say why, and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis

from tests.support.intake_redis import server
from tests.support.ops import NOWHERE, ferry, ferry_process
from tests.support.web import free_port


@pytest.mark.parametrize("command", ["up", "web", "scheduler", "worker"])
def test_a_process_with_wrong_settings_ends_with_2_and_what_to_write_instead(command: str, tmp_path: Path) -> None:
    told = ferry_process("http://x", tmp_path, command, FERRY_FLUSH_SIZE="many")
    assert told.returncode == 2
    assert "REDIS_URL: not an address of Redis" in told.stderr
    assert "Example: FERRY_FLUSH_SIZE=100" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_process_without_its_redis_ends_with_1_and_without_the_password(tmp_path: Path) -> None:
    told = ferry_process(NOWHERE, tmp_path, "up", "--live", PORT="0", KLAVIYO_API_KEY="pk_test")
    assert told.returncode == 1
    assert "Error: Redis at redis://127.0.0.1:1/0 cannot be used" in told.stderr
    assert "s3cret" not in told.stderr
    assert "Traceback" not in told.stderr


def test_a_redis_without_room_for_another_client_is_named_as_that(tmp_path: Path) -> None:
    # Over TCP: a Unix socket that Redis has closed takes no command, and its answer stays unread.
    port = str(free_port())
    with server(tmp_path, "--maxclients", "1", "--port", port) as (_, url), Redis.from_url(url) as taken:
        assert taken.ping()
        told = ferry(f"redis://127.0.0.1:{port}/0", tmp_path, "status")
    assert told.exit_code == 1
    assert "max number of clients reached Raise its maxclients" in " ".join(told.output.split())
