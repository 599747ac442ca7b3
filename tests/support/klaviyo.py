"""The emulator as tests look at it and disturb it."""

from __future__ import annotations

from typing import Any

import requests

_REVISION = "2026-10-15"


class Account:
    """Klaviyo's side of a test. `url`: the emulator's own address, and no proxy's in front of it. `key`: of its API."""

    def __init__(self, url: str, key: str = "pk_test") -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False  # looking for proxies takes longer than some requests
        self._session.headers.update({"Authorization": f"Klaviyo-API-Key {key}", "revision": _REVISION})

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def control(self, name: str, **order: Any) -> None:
        """Give the emulator an order: faults, limits, jobs, reset."""
        self._session.post(f"{self.url}/_emulator/{name}", json=order or None, timeout=30).raise_for_status()

    def members(self, name: str) -> set[str]:
        """The addresses on the list of that name; nobody when there is none."""
        answer = self._session.get(f"{self.url}/_emulator/lists/{name}/members", timeout=30)
        return set(answer.json()["members"]) if answer.status_code == 200 else set()

    def lists(self) -> list[str]:
        """The names of all lists, one entry for each list."""
        found: list[str] = []
        address: str | None = f"{self.url}/api/lists"
        while address:
            page = self._session.get(address, timeout=30).json()
            found += [item["attributes"]["name"] for item in page["data"]]
            address = page["links"]["next"]
        return sorted(found)

    def has_list(self, name: str, members: list[str]) -> None:
        """Make a list with these people on it."""
        body: dict[str, Any] = {"type": "list", "attributes": {"name": name}}
        made = self._post("/api/lists", body)["data"]["id"]
        rows = [{"type": "profile", "attributes": {"email": email}} for email in members]
        body = {
            "type": "profile-bulk-import-job",
            "attributes": {"profiles": {"data": rows}},
            "relationships": {"lists": {"data": [{"type": "list", "id": made}]}},
        }
        self._post("/api/profile-bulk-import-jobs", body)

    def has_profile(self, **attributes: str) -> None:
        """Make a profile."""
        self._post("/api/profiles", {"type": "profile", "attributes": attributes})

    def knows(self, identifier: str) -> bool:
        """Whether a profile has that identifier."""
        return self._session.get(f"{self.url}/_emulator/profiles/{identifier}", timeout=30).status_code == 200

    def _post(self, path: str, data: dict[str, Any]) -> dict[str, Any]:
        answer = self._session.post(f"{self.url}{path}", json={"data": data}, timeout=30)
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document

    def journal(self, bodies: bool = False) -> list[dict[str, Any]]:
        """Every call so far; bodies of calls take a while to read."""
        answer = self._session.get(f"{self.url}/_emulator/requests", params={"bodies": str(int(bodies))}, timeout=30)
        calls: list[dict[str, Any]] = answer.json()
        return calls
