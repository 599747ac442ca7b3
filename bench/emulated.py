"""The local Klaviyo of a benchmark, and its record of the requests that reached it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import ACCEPTED, TOO_MANY_REQUESTS
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from bench.errors import BenchError
from bench.processes import free_port, listens, program, python
from klaviyo.revision import REVISION

API_KEY = "pk_bench"
IMPORTS = "/api/profile-bulk-import-jobs"
PROFILES = "/api/profiles"
_MEMBERS = re.compile(r"/api/lists/[^/]+/profiles")
#: Seconds to wait for the uploads; the plain way needs several for a hundred people.
_PATIENCE = 60.0
_LOOK = 0.05


@dataclass(frozen=True, slots=True)
class Requests:
    """Counts of requests: look-ups of profiles by identifier, look-ups of a list's members, and all requests."""

    profiles: int
    members: int
    all: int


class Emulator:
    """A client of a running emulator. `settings`: the settings for an installation that uses it."""

    def __init__(self, url: str, session: requests.Session) -> None:
        self._url = url
        self._session = session
        self.settings = {"KLAVIYO_BASE_URL": url, "KLAVIYO_API_KEY": API_KEY}

    def make_list(self, name: str) -> str:
        """Create a list and return its id."""
        body = {"data": {"type": "list", "attributes": {"name": name}}}
        headers = {"Authorization": f"Klaviyo-API-Key {API_KEY}", "revision": REVISION}
        answer = self._session.post(f"{self._url}/api/lists", json=body, headers=headers, timeout=10)
        answer.raise_for_status()
        return str(answer.json()["data"]["id"])

    def last(self) -> int:
        """Return the number of the latest request."""
        return max((entry["n"] for entry in self._journal(0)), default=0)

    def uploads(self, since: int, people: int) -> list[float]:
        """Wait for so many uploaded people; return when each upload after request `since` arrived (monotonic seconds).

        Raises BenchError when fewer or more people are uploaded.
        """
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            entries = [entry for entry in self._journal(since, bodies=True) if _is_upload(entry)]
            found = sum(len(entry["body"]["data"]["attributes"]["profiles"]["data"]) for entry in entries)
            if found > people:
                raise BenchError(f"{found} people were uploaded instead of {people}")
            if found == people:
                return [entry["at"] for entry in entries]
            time.sleep(_LOOK)
        raise BenchError(f"{people} people were accepted but not uploaded within {_PATIENCE:g} s")

    def lookups(self, since: int) -> list[float]:
        """Return when each look-up of profiles after request `since` arrived (monotonic seconds)."""
        found = self._journal(since)
        return [entry["at"] for entry in found if (entry["method"], entry["path"]) == ("GET", PROFILES)]

    def imports(self) -> list[float]:
        """Return when each accepted upload arrived (monotonic seconds), oldest first."""
        return [entry["at"] for entry in self._journal(0) if _is_upload(entry) and entry["status"] == ACCEPTED]

    def writes(self, since: int) -> int:
        """Return the number of requests after request `since` that were not reads."""
        return sum(entry["method"] != "GET" for entry in self._journal(since))

    def requests(self, since: int) -> Requests:
        """Return the counts of requests after request `since`."""
        found = [(entry["method"], str(entry["path"])) for entry in self._journal(since)]
        members = sum(method == "GET" and _MEMBERS.fullmatch(path) is not None for method, path in found)
        return Requests(found.count(("GET", PROFILES)), members, len(found))

    def throttled(self) -> int:
        """Return the number of requests that it answered 429."""
        return sum(entry["status"] == TOO_MANY_REQUESTS for entry in self._journal(0))

    def members(self, name: str) -> int:
        """Return the number of people on the lists of that name."""
        answer = self._session.get(f"{self._url}/_emulator/lists/{quote(name)}/members", timeout=60)
        answer.raise_for_status()
        return int(answer.json()["count"])

    def _journal(self, since: int, *, bodies: bool = False) -> list[dict[str, Any]]:
        query = {"since": since, "bodies": int(bodies)}
        answer = self._session.get(f"{self._url}/_emulator/requests", params=query, timeout=60)
        answer.raise_for_status()
        entries: list[dict[str, Any]] = answer.json()
        return entries


@contextmanager
def emulator(folder: Path, *, limits: bool = False) -> Iterator[Emulator]:
    """Run the emulator in a separate process, without rate limits, with import jobs that complete at once.

    `limits`: with its defaults instead: Klaviyo's published limits and import jobs of two seconds.
    """
    port = free_port()
    options = () if limits else ("--job-seconds", "0", "--limits-off")
    command = python("-m", "emulator", "--port", str(port), *options)
    with program(folder / "emulator.log", command, {}, lambda: listens(port)), requests.Session() as session:
        yield Emulator(f"http://127.0.0.1:{port}", session)


def _is_upload(entry: dict[str, Any]) -> bool:
    return entry["method"] == "POST" and str(entry["path"]).rstrip("/") == IMPORTS
