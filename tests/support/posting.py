"""A running Ferry that the real libraries of Segment and RudderStack post to, through a relay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from local import group_files
from local.group import EMULATOR_KEY
from tests.support.clients import LIBRARIES, Call
from tests.support.ops import ferry_process
from tests.support.relay import Relay
from tests.support.up import HurriedUp, Up

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


#: For a test of each library; the one with gzip differs in this alone.
libraries = pytest.mark.parametrize("library", [name for name in LIBRARIES if name != "segment-python, gzip"])


class Posting:
    """A running Ferry, and the relay before it."""

    def __init__(self, up: Up, relay: Relay, settings: dict[str, str]) -> None:
        self.up, self.relay, self._settings = up, relay, settings
        self._files = group_files.read(up.var)
        self._session = requests.Session()
        self._session.trust_env = False  # looking for proxies takes longer than some requests

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
        return self._session.get(f"{self._files['KLAVIYO_BASE_URL']}/_emulator/{path}", timeout=30)

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()


def _written(folder: Path) -> dict[str, str]:
    variables = {}
    text = CONNECTIONS
    for keys, suffix, rate in ((KEYS, "", ""), (SLOW, "_SLOW", "rate = {per_second = 1, burst = 3}")):
        for name, key in keys.items():
            variable = f"{name.upper()}_KEY{suffix}"
            variables[variable] = key
            text += SENDERS.format(name=f"{name}{suffix.lower()}", variable=variable, connection=TO[name], rate=rate)
    (folder / "connections.toml").write_text(text)
    return {"FERRY_CONNECTIONS": str(folder / "connections.toml"), "RUDDER_ACCOUNT": EMULATOR_KEY, **variables}


@contextmanager
def installed(folder: Path) -> Iterator[tuple[Up, dict[str, str]]]:
    """A `ferry up` with its settings, for these write keys."""
    settings = _written(folder)
    up = HurriedUp(folder / "var", **settings)
    try:
        up.wait_until_up()
        yield up, settings
    finally:
        up.end()


@contextmanager
def posting_to(up: Up, settings: dict[str, str]) -> Iterator[Posting]:
    """A relay of its own before that Ferry."""
    with Relay(f"http://127.0.0.1:{up.port}") as relay, closing(Posting(up, relay, settings)) as posting:
        yield posting


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
    """A user of one test and one library."""
    return f"{library.replace(', ', '-')}-{what}"
