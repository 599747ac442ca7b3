"""A raw HTTP caller of a running emulator, for the tests of the emulator itself."""

from __future__ import annotations

from typing import Any, Self

import requests

HEADERS = {
    "Authorization": "Klaviyo-API-Key pk_test",
    "revision": "2026-07-15",
    "Content-Type": "application/vnd.api+json",
    "Accept": "application/vnd.api+json",
}
IMPORTS = "/api/profile-bulk-import-jobs"


class Api:
    """Calls one emulator; a path starts with a slash, `json` is sent as it is."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.headers.update(HEADERS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.session.close()

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Any call."""
        return self.session.request(method, self.url + path, timeout=10, **arguments)

    def get(self, path: str, **query: str) -> requests.Response:
        """GET; `page_size` and `page_cursor` stand for the bracketed names."""
        params = {f"page[{name.removeprefix('page_')}]" if "page_" in name else name: v for name, v in query.items()}
        return self.call("GET", path, params=params)

    def post(self, path: str, body: object) -> requests.Response:
        """POST a document."""
        return self.call("POST", path, json=body)

    def control(self, name: str, order: object = None) -> None:
        """POST to the controls, which must accept it."""
        answer = self.call("POST", f"/_emulator/{name}", json=order)
        assert answer.status_code == 200, answer.text

    def make_list(self, name: str = "VIP") -> str:
        """A new list's id."""
        answer = self.post("/api/lists", {"data": {"type": "list", "attributes": {"name": name}}})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["id"])

    def make_profile(self, **attributes: object) -> str:
        """A new profile's id."""
        answer = self.post("/api/profiles", {"data": {"type": "profile", "attributes": attributes}})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["id"])

    def start_import(self, rows: list[Any], *list_ids: str) -> requests.Response:
        """POST an import job."""
        return self.post(IMPORTS, import_body(rows, *list_ids))

    def members(self, name: str = "VIP") -> list[str]:
        """The identifiers of the members of the list of that name."""
        answer = self.call("GET", f"/_emulator/lists/{name}/members")
        assert answer.status_code == 200, answer.text
        return [str(member) for member in answer.json()["members"]]


def row(**attributes: object) -> dict[str, Any]:
    """A profile as an import or a create wants it."""
    return {"type": "profile", "attributes": attributes}


def import_body(rows: list[Any], *list_ids: str) -> dict[str, Any]:
    """The body of a bulk import."""
    data: dict[str, Any] = {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": rows}}}
    if list_ids:
        data["relationships"] = {"lists": {"data": [{"type": "list", "id": list_id} for list_id in list_ids]}}
    return {"data": data}


def references(*profile_ids: str) -> dict[str, Any]:
    """The body of a membership call."""
    return {"data": [{"type": "profile", "id": profile_id} for profile_id in profile_ids]}


def first_error(answer: requests.Response) -> dict[str, Any]:
    """The first error object of an answer."""
    error: dict[str, Any] = answer.json()["errors"][0]
    return error


def pointers(answer: requests.Response) -> list[str]:
    """The pointers of all error objects."""
    return [error["source"]["pointer"] for error in answer.json()["errors"]]
