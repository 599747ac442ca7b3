"""`heroku run ferry ...`: a process of its own beside a running group, with what a dyno is given and nothing else."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dynos import Dynos, procfile
from tests.support.klaviyo import Account
from tests.support.model import address, list_name, message
from tests.support.proxied_system import environment
from tests.support.tls import secured
from tests.support.valkey import start_server
from tests.support.waiting import until
from tests.support.web import Sender

TWO = {address(number) for number in range(2)}


@pytest.fixture
def account(klaviyo: str) -> Iterator[Account]:
    found = Account(klaviyo)
    found.control("reset")
    yield found
    found.close()


@pytest.fixture
def config(account: Account, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Config vars of an app with a key-value store: persistent, TLS, a certificate that nobody signed."""
    folder = tmp_path / "store"
    folder.mkdir()
    process, url = start_server(folder, "--appendonly", "yes")
    with secured(url, tmp_path) as port:
        yield environment(f"rediss://:@127.0.0.1:{port}", account.url)
    process.kill()
    process.wait(30)


def test_a_one_off_dyno_flushes_every_queue_of_the_running_app(
    config: dict[str, str], account: Account, tmp_path: Path
) -> None:
    dynos = Dynos(config, tmp_path, "web", "scheduler", "worker")
    code, told = dynos.run(procfile()["release"])
    assert code == 0, told
    with dynos:
        Sender(dynos.port).post_until_accepted(message("42", "add", range(2)))
        code, told = dynos.run("ferry flush --all --wait")
        assert (code, "2 changes to be sent" in told) == (0, True), told
        assert account.members(list_name("42")) == TWO
        assert dynos.run("ferry status")[0] == 0
        codes = dynos.terminate_all(30)
    assert codes == {"web": -signal.SIGTERM, "scheduler": 0, "worker": 0}


def test_what_a_one_off_dyno_asked_for_happens_though_it_is_stopped(
    config: dict[str, str], account: Account, tmp_path: Path
) -> None:
    with Dynos(config, tmp_path, "web", "scheduler") as dynos:
        Sender(dynos.port).post_until_accepted(message("42", "add", range(2)))
        asking = dynos.one_off("ferry flush --all --wait")
        assert asking.stdout is not None
        assert "2 changes to be sent" in asking.stdout.readline()
        asking.send_signal(signal.SIGTERM)
        asking.communicate(timeout=30)
        assert account.members(list_name("42")) == set(), "nobody delivers yet"
        dynos.start("worker")
        until(lambda: account.members(list_name("42")) == TWO)
