"""`ferry up` and the real Klaviyo: it is never talked to unless somebody said so.

An address of a network for documentation stands for Klaviyo: nothing answers there.
"""

from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest

from local import group_files, ports
from tests.support.forked import Forked
from tests.support.ops import environment, ferry_process
from tests.support.up import HurriedUp

REAL = {"KLAVIYO_BASE_URL": "https://192.0.2.1"}
TOML = '[connections.brand-b]\napi_key_env = "BRAND_B_KEY"\n'


def keyed(tmp_path: Path) -> dict[str, str]:
    """Settings whose only Klaviyo key is that of a connection of the file."""
    file = tmp_path / "connections.toml"
    file.write_text(TOML)
    return {"FERRY_CONNECTIONS": str(file), "BRAND_B_KEY": "pk_real"}


@pytest.mark.parametrize("by_file", [True, False])
def test_with_a_real_key_and_nobody_to_ask_nothing_starts(by_file: bool, tmp_path: Path) -> None:
    keys = keyed(tmp_path) if by_file else {"KLAVIYO_API_KEY": "pk_real"}
    told = ferry_process(None, tmp_path / "var", "up", **keys)
    assert told.returncode == 2
    assert f"there is a Klaviyo key for connection {'brand-b' if by_file else 'default'}" in told.stderr
    assert "ferry up --live" in told.stderr
    assert "Traceback" not in told.stderr
    assert not group_files.path(tmp_path / "var").exists(), "nothing was started, and no other command finds a group"


@pytest.mark.parametrize("answer", ["y", "n", ""])
def test_at_a_terminal_it_asks_and_takes_no_answer_for_no(answer: str, tmp_path: Path) -> None:
    ours, its = pty.openpty()
    told, tells = os.pipe()
    env = environment(None, tmp_path / "var", **keyed(tmp_path), **REAL)
    command = [*HurriedUp.ferry_up, "--port", str(ports.any_free()), "--emulator-port", str(ports.any_free())]
    process = Forked(command, env, tells, tells, stdin=its)
    os.close(its)
    os.close(tells)
    os.write(ours, f"{answer}\n".encode())
    said, is_told = b"", False
    while chunk := os.read(told, 4096):
        said += chunk
        if b"Try in another terminal" in said and not is_told:  # once: it has no handler any more while it ends
            is_told = True
            process.terminate()
    os.close(told)
    process.wait(60)
    os.close(ours)
    assert b"there is a Klaviyo key for connection brand-b. Deliver to https://192.0.2.1, to real people?" in said
    if answer == "y":
        assert b"Klaviyo   the real one, https://192.0.2.1" in said
        assert process.returncode == 0
    else:
        assert b"Ferry did not start" in said
        assert process.returncode == 2


def test_once_live_the_folder_is_never_emulated(tmp_path: Path) -> None:
    live = HurriedUp(tmp_path / "var", "--live", KLAVIYO_API_KEY="pk_real", **REAL)
    live.wait_until_up()
    pids = live.pids()
    live.end()
    assert "Klaviyo   the real one, https://192.0.2.1" in live.text()
    assert "emulator" not in pids
    told = live.ferry("up")
    assert told.returncode == 2
    assert "was last started for the real Klaviyo" in told.stderr
    assert "KLAVIYO_API_KEY" not in group_files.read(live.var), "the key is not written down"


def test_a_klaviyo_of_this_machine_is_called_the_emulator(tmp_path: Path) -> None:
    up = HurriedUp(tmp_path / "var", KLAVIYO_API_KEY="pk_real", KLAVIYO_BASE_URL="http://127.0.0.1:1")
    up.wait_until_up()
    up.end()
    assert "Klaviyo   emulator at http://127.0.0.1:1" in up.text()
    told = ferry_process(None, tmp_path / "more", "up", "--live", KLAVIYO_BASE_URL="http://127.0.0.1:1")
    assert (told.returncode, "names an emulator, http://127.0.0.1:1" in told.stderr) == (2, True)
