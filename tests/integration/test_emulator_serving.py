from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import requests

from emulator.server import running, serve
from tests.support.emulator_api import Api, row


def test_the_emulator_runs_for_the_length_of_the_block_and_no_longer() -> None:
    before = threading.active_count()
    with running() as url, Api(url) as api:
        assert url.startswith("http://127.0.0.1:")
        assert api.get("/api/lists").status_code == 200
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=30)


def test_two_emulators_run_side_by_side_and_share_nothing() -> None:
    with running() as one, running() as two, Api(one) as first, Api(two) as second:
        first.make_list()
        assert len(first.get("/api/lists").json()["data"]) == 1
        assert second.get("/api/lists").json()["data"] == []


def test_the_settings_of_the_start_are_those_of_every_reset() -> None:
    with running(job_seconds=60, limits_off=True) as url, Api(url) as api:
        api.control("jobs", {"seconds": 0})
        api.control("limits", {"off": False})
        api.control("reset")
        list_id = api.make_list()
        api.start_import([row(email="a@example.com")], list_id)
        assert api.members() == []
        assert {api.get("/api/accounts").status_code for _ in range(20)} == {200}


def test_it_stops_although_a_client_reads_slowly() -> None:
    with running() as url, Api(url) as api:
        api.control("faults", {"fault": "slow_body", "seconds": 60})
        answer = api.session.get(url + "/api/lists", stream=True, timeout=30)
        started = time.monotonic()
    assert time.monotonic() - started < 30
    answer.close()


def test_a_taken_port_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        serve(port=taken.getsockname()[1])


def test_the_command_says_where_it_listens_and_stops_on_a_signal() -> None:
    command = [sys.executable, "-m", "emulator", "--port", "0", "--job-seconds", "0", "--limits-off"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        match = re.search(r"KLAVIYO_BASE_URL=(http://127\.0\.0\.1:\d+) ", line)
        assert match, line
        with Api(match[1]) as api:
            list_id = api.make_list()
            api.start_import([row(email="a@example.com")], list_id)
            assert api.members() == ["a@example.com"]
            assert {api.get("/api/accounts").status_code for _ in range(20)} == {200}
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        process.wait(timeout=30)
    assert "Traceback" not in rest


def test_the_command_says_what_to_do_about_a_taken_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "emulator", "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "choose another --port" in done.stderr
    assert "Traceback" not in done.stderr
