"""`ferry release-check`: what stops a release, and what is only said."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from click.testing import Result

from commands import release_check
from tests.support.ops import ferry
from tests.support.valkey import start_server

TOKENS = "mparticle:0123456789abcdef"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server that keeps what it is given."""
    process, url = start_server(tmp_path_factory.mktemp("store"), "--appendonly", "yes")
    yield url
    process.kill()
    process.wait(30)


def checked(redis_url: str, var: Path, klaviyo: str, **env: str) -> Result:
    return ferry(redis_url, var, "release-check", KLAVIYO_BASE_URL=klaviyo, NO_PROXY="127.0.0.1", **env)


def test_an_app_that_is_complete_passes(store: str, tmp_path: Path, klaviyo: str) -> None:
    told = checked(store, tmp_path, klaviyo, FERRY_TOKENS=TOKENS)
    assert (told.exit_code, "account EmULat" in told.output) == (0, True), told.output
    assert "ferry scheduler" not in told.output, "before a first release no process can run"


def test_a_first_deployment_passes_without_tokens_key_or_store(store: str, tmp_path: Path, klaviyo: str) -> None:
    bare = checked(store, tmp_path, klaviyo, KLAVIYO_API_KEY="")
    assert (bare.exit_code, "KLAVIYO_API_KEY" in bare.output, "FERRY_TOKENS" in bare.output) == (0, True, True)
    detached = checked("", tmp_path, klaviyo, FERRY_VAR="")
    assert (detached.exit_code, "REDIS_URL is not set" in detached.output) == (0, True)


def test_a_refused_key_is_told_and_stops_nothing(store: str, tmp_path: Path, klaviyo: str) -> None:
    order = {"keys": [{"key": "pk_another", "scopes": ["lists:read"]}]}
    requests.post(f"{klaviyo}/_emulator/keys", json=order, timeout=30).raise_for_status()
    try:
        told = checked(store, tmp_path, klaviyo)
    finally:
        requests.post(f"{klaviyo}/_emulator/reset", timeout=30).raise_for_status()
    assert (told.exit_code, "unauthenticated" in told.output) == (0, True), told.output


def test_a_store_that_keeps_nothing_over_a_restart_stops_the_release(
    redis_url: str, tmp_path: Path, klaviyo: str
) -> None:
    told = checked(redis_url, tmp_path, klaviyo)
    assert (told.exit_code, "appendonly yes" in told.output) == (1, True), told.output


@pytest.mark.parametrize("kept", ["3600 1", "60 1"])
def test_a_store_with_snapshots_only_stops_the_release(tmp_path: Path, klaviyo: str, kept: str) -> None:
    process, url = start_server(tmp_path, "--save", kept)
    told = checked(url, tmp_path, klaviyo)
    process.kill()
    process.wait(30)
    assert (told.exit_code, "snapshots only" in told.output, "appendonly yes" in told.output) == (1, True, True)


def test_a_store_whose_append_only_file_is_never_synced_is_told_and_passes(tmp_path: Path, klaviyo: str) -> None:
    process, url = start_server(tmp_path, "--appendonly", "yes", "--appendfsync", "no")
    told = checked(url, tmp_path, klaviyo)
    process.kill()
    process.wait(30)
    assert (told.exit_code, "half a minute" in told.output) == (0, True), told.output


def test_a_store_that_forbids_config_and_tells_nothing_passes_with_a_question(tmp_path: Path, klaviyo: str) -> None:
    process, url = start_server(tmp_path, "--rename-command", "CONFIG", "")
    told = checked(url, tmp_path, klaviyo)
    process.kill()
    process.wait(30)
    assert (told.exit_code, "ask its provider" in told.output) == (0, True), told.output


def test_a_store_that_evicts_stops_the_release(tmp_path: Path, klaviyo: str) -> None:
    process, url = start_server(tmp_path, "--appendonly", "yes", "--maxmemory-policy", "allkeys-lru")
    told = checked(url, tmp_path, klaviyo)
    process.kill()
    process.wait(30)
    assert (told.exit_code, "noeviction" in told.output) == (1, True), told.output


def test_a_wrong_setting_stops_the_release(store: str, tmp_path: Path, klaviyo: str) -> None:
    told = checked(store, tmp_path, klaviyo, FERRY_FLUSH_SIZE="many")
    assert (told.exit_code, "FERRY_FLUSH_SIZE" in told.output) == (2, True)


def test_a_store_that_never_answers_stops_the_release(
    tmp_path: Path, klaviyo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_check, "PATIENCE_S", 0.0)
    told = checked(f"unix://{tmp_path}/nothing.sock", tmp_path, klaviyo)
    assert (told.exit_code, "cannot be used" in told.output) == (1, True)


def test_a_store_that_still_comes_up_is_waited_for(tmp_path: Path, klaviyo: str) -> None:
    started: list[subprocess.Popen[bytes]] = []
    starting = threading.Timer(1.0, lambda: started.append(start_server(tmp_path, "--appendonly", "yes")[0]))
    starting.start()
    told = checked(f"unix://{tmp_path}/redis.sock", tmp_path, klaviyo)
    starting.join(60)
    (process,) = started
    process.kill()
    process.wait(30)
    assert told.exit_code == 0, told.output
