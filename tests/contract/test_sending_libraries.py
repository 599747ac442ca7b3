"""The real libraries of Segment and RudderStack post to a running Ferry, and the people arrive in Klaviyo's emulator.

Each library is the published package (`make clients`), in a process of its own, with nothing set but its host and its
write key. Between it and Ferry a relay notes what passes.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from local import group_files
from local.group import EMULATOR_KEY
from tests.support.clients import ENVIRONMENT, LIBRARIES, Call, command
from tests.support.klaviyo import Account
from tests.support.ops import ferry_process
from tests.support.paths import ROOT
from tests.support.relay import Exchange, Relay
from tests.support.up import Up

#: Write keys by library, and one that may post three times in three seconds.
KEYS = {"segment": "write-key-segment", "rudderstack": "write-key-rudderstack"}
SLOW = {name: f"{key}-slow" for name, key in KEYS.items()}
#: What becomes of the messages: a person, and an event for each of the other types.
ACTIONS = """
actions = [
  {action = "upsert_profile"},
  {action = "track_event", trigger = 'type = "track"'},
  {action = "track_event", trigger = 'type = "page" or type = "screen" or type = "group" or type = "alias"', \
fields = {metric_name = "$.type"}},
]
"""
CONNECTIONS = f"""
[connections.default]{ACTIONS}
[connections.rudder]
preset = "rudderstack"
api_key_env = "RUDDER_ACCOUNT"{ACTIONS}
"""
SENDERS = """
[senders.{name}]
token_env = "{variable}"
routes = ["segment"]
connections = ["{connection}"]
{rate}
"""
TO = {"segment": "default", "rudderstack": "rudder"}
#: As senders do it: a few calls about one user.
JOURNEY: list[Call] = [
    ("identify", {"traits": {"firstName": "Ann", "plan": "gold"}}),
    ("track", {"event": "Played", "properties": {"level": 3}}),
    ("group", {"groupId": "g-1", "traits": {"name": "Team"}}),
    ("page", {"name": "Home", "properties": {"url": "https://www.example.com/"}}),
    ("screen", {"name": "Start", "properties": {"dark": True}}),
    ("alias", {"previousId": "before"}),
]

libraries = pytest.mark.parametrize("library", [name for name in LIBRARIES if name != "segment-python, gzip"])


class Posting:
    """A running Ferry, and the relay before it."""

    def __init__(self, up: Up, relay: Relay, settings: dict[str, str]) -> None:
        self.up, self.relay, self._settings = up, relay, settings
        self._files = group_files.read(up.var)

    def post(
        self, library: str, *calls: Call, then: str = "flush", keys: dict[str, str] = KEYS
    ) -> list[dict[str, Any]]:
        """What a library reports of failures."""
        form = LIBRARIES[library]
        return form.post(self.relay.url, keys[form.name], *calls, then=then)

    def deliver(self) -> None:
        """Everything pending reaches Klaviyo, and nothing becomes a dead letter."""
        told = ferry_process(None, self.up.var, "flush", "--all", "--wait", **self._settings)
        assert told.returncode == 0, told.stderr

    def person(self, email: str) -> dict[str, Any]:
        """What Klaviyo knows about somebody; raises AssertionError if it is nothing."""
        answer = self._look(f"profiles/{email}")
        assert answer.status_code == 200, f"{email} is not in Klaviyo"
        found: dict[str, Any] = answer.json()
        return found

    def metrics(self, profile_id: str) -> list[str]:
        """The names of a person's events, in order of the alphabet."""
        events = self._look("events?full=1").json()["events"]
        return sorted(event["metric"] for event in events if event["profile_id"] == profile_id)

    def redis(self) -> Redis:
        """The server of the installation."""
        return Redis.from_url(self._files["REDIS_URL"])

    def _look(self, path: str) -> requests.Response:
        return requests.get(f"{self._files['KLAVIYO_BASE_URL']}/_emulator/{path}", timeout=30)


def _settings(folder: Path) -> dict[str, str]:
    variables = {}
    text = CONNECTIONS
    for keys, suffix, rate in ((KEYS, "", ""), (SLOW, "_SLOW", "rate = {per_second = 1, burst = 3}")):
        for name, key in keys.items():
            variable = f"{name.upper()}_KEY{suffix}"
            variables[variable] = key
            text += SENDERS.format(name=f"{name}{suffix.lower()}", variable=variable, connection=TO[name], rate=rate)
    (folder / "connections.toml").write_text(text)
    return {"FERRY_CONNECTIONS": str(folder / "connections.toml"), "RUDDER_ACCOUNT": EMULATOR_KEY, **variables}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return _settings(tmp_path_factory.mktemp("settings"))


@pytest.fixture(scope="module")
def up(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    started = Up(tmp_path_factory.mktemp("libraries") / "var", **settings)
    try:
        started.wait_until_up()
        klaviyo = Account(group_files.read(started.var)["KLAVIYO_BASE_URL"], EMULATOR_KEY)
        klaviyo.control("jobs", seconds=0)
        klaviyo.close()
        yield started
    finally:
        started.end()


@pytest.fixture
def posting(up: Up, settings: dict[str, str]) -> Iterator[Posting]:
    with Relay(f"http://127.0.0.1:{up.port}") as relay:
        yield Posting(up, relay, settings)


def about(user: str, calls: list[Call]) -> list[Call]:
    """The calls about this user, whose traits have an e-mail."""
    found: list[Call] = []
    for kind, message in calls:
        traits = {"traits": {**message["traits"], "email": f"{user}@example.com"}} if kind == "identify" else {}
        found.append((kind, {"userId": user, **message, **traits}))
    return found


def joining(user: str, number: int) -> list[Call]:
    """So many people, one call each."""
    return [call for n in range(number) for call in about(f"{user}-{n}", JOURNEY[:1])]


def slug(library: str, what: str) -> str:
    return f"{library.replace(', ', '-')}-{what}"


#: Row of docs/segment.md -> the script that types it, what stands before it, and whose write key it is.
ROWS = {
    "Segment, Python": ("python", "import segment.analytics as analytics", "segment"),
    "Segment, Node": ("node", "const { Analytics } = require('@segment/analytics-node')", "segment"),
    "RudderStack, Python": ("python", "import rudderstack.analytics as analytics", "rudderstack"),
    "RudderStack, Node": ("node", "const Analytics = require('@rudderstack/rudder-sdk-node')", "rudderstack"),
}


def typed(row: str, url: str) -> list[str]:
    """A program of the lines that a row of the table of libraries shows."""
    kind, before, name = ROWS[row]
    (line,) = re.findall(rf"^\| {row} \| (.+) \|$", (ROOT / "docs" / "segment.md").read_text(), re.MULTILINE)
    shown = re.findall(r"`([^`]+)`", line)
    shown[0] = shown[0] if kind == "python" else f"const analytics = {shown[0]}"
    lines = [each.replace("<token>", KEYS[name]).replace("https://ferry.example.com", url) for each in shown]
    return [kind, "\n".join([before, *lines])]


@pytest.mark.parametrize("row", ROWS)
def test_who_types_the_lines_of_the_table_of_libraries_sees_the_person(posting: Posting, row: str) -> None:
    kind, program = typed(row, posting.relay.url)
    subprocess.run(command(kind, program), env=ENVIRONMENT, check=True, timeout=120)
    assert posting.relay.statuses() == [200]
    posting.deliver()
    assert posting.person("ann@example.com")["external_id"] == "u-17"


@libraries
def test_all_six_calls_of_a_library_reach_klaviyo_as_one_person(posting: Posting, library: str) -> None:
    user = slug(library, "journey")
    assert posting.post(library, *about(user, JOURNEY)) == []
    assert set(posting.relay.statuses()) == {200}
    posting.deliver()
    person = posting.person(f"{user}@example.com")
    assert (person["external_id"], person["first_name"]) == (user, "Ann")
    assert posting.metrics(person["id"]) == ["Played", "alias", "group", "page", "screen"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_is_too_much_for_one_request_arrives_whole(posting: Posting, library: str) -> None:
    user = slug(library, "many")
    assert posting.post(library, *joining(user, 120)) == []
    assert len(posting.relay.seen) > 1
    assert {exchange.path for exchange in posting.relay.seen} == {"/v1/batch"}
    packed = {exchange.headers["Content-Encoding"] for exchange in posting.relay.seen}
    assert packed == {"gzip" if LIBRARIES[library].packed else None}
    posting.deliver()
    assert len({posting.person(f"{user}-{n}@example.com")["id"] for n in range(120)}) == 120


@libraries
def test_a_process_that_ends_without_a_flush_has_sent_what_it_was_given(posting: Posting, library: str) -> None:
    user = slug(library, "exit")
    assert posting.post(library, *joining(user, 3), then="exit") == []
    posting.deliver()
    for n in range(3):
        posting.person(f"{user}-{n}@example.com")


@libraries
def test_what_was_flushed_is_not_lost_when_the_process_is_terminated(posting: Posting, library: str) -> None:
    user = slug(library, "terminated")
    form = LIBRARIES[library]
    with form.started(posting.relay.url, KEYS[form.name], *joining(user, 3), then="linger") as process:
        assert process.stdout
        assert process.stdout.readline().strip() in ('{"flushed": true}', '{"flushed":true}')
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    posting.deliver()
    for n in range(3):
        posting.person(f"{user}-{n}@example.com")


@libraries
def test_a_wrong_key_is_reported_to_the_sender_and_nothing_repeated(posting: Posting, library: str) -> None:
    wrong = dict.fromkeys(KEYS, "a-key-that-is-unknown")
    (failure,) = posting.post(library, *joining(slug(library, "wrong"), 1), keys=wrong)
    assert failure["status"] == 401
    if not library.startswith("segment-node"):  # it reports the status alone
        assert failure["code"] == "unauthorized"
        assert "token" in failure["message"]
    assert posting.relay.statuses() == [401]


@libraries
def test_a_sender_over_its_rate_waits_and_loses_nothing(posting: Posting, library: str) -> None:
    user, key = slug(library, "slow"), SLOW[LIBRARIES[library].name]

    def use_up() -> None:
        if 429 not in posting.relay.statuses():
            while _empty_batch(posting.up, key) != 429:
                pass

    posting.relay.before = use_up
    assert posting.post(library, *joining(user, 3), keys=SLOW) == []
    posting.relay.before = lambda: None
    assert 429 in posting.relay.statuses()
    posting.deliver()
    for n in range(3):
        posting.person(f"{user}-{n}@example.com")
    if library.startswith("segment"):
        _waited(posting.relay.seen, 429)


@libraries
def test_what_ferry_could_not_store_is_sent_again(posting: Posting, library: str) -> None:
    user = slug(library, "full")
    with posting.redis() as redis:

        def relieve(exchange: Exchange) -> None:
            if exchange.status == 503:
                redis.config_set("maxmemory", 0)

        posting.relay.after = relieve
        redis.config_set("maxmemory", 1)
        try:
            assert posting.post(library, *joining(user, 3)) == []
        finally:
            redis.config_set("maxmemory", 0)
    assert 503 in posting.relay.statuses()
    posting.deliver()
    for n in range(3):
        posting.person(f"{user}-{n}@example.com")
    if library.startswith("segment-python"):
        _waited(posting.relay.seen, 503)


def _empty_batch(up: Up, key: str) -> int:
    url = f"http://127.0.0.1:{up.port}/v1/batch"
    return requests.post(url, json={"batch": []}, auth=(key, ""), timeout=30).status_code


def _waited(seen: list[Exchange], status: int) -> None:
    """After an answer with that status the library let the time of Retry-After pass."""
    refused = next(number for number, exchange in enumerate(seen) if exchange.status == status)
    seconds = int(seen[refused].answer["Retry-After"])
    assert seen[refused + 1].began - seen[refused].ended >= seconds - 0.1
