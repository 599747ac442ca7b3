"""A raw HTTP caller of a running emulator, for the tests of the emulator itself."""

from __future__ import annotations

from typing import Any, Self

import requests

HEADERS = {
    "Authorization": "Klaviyo-API-Key pk_test",
    "revision": "2026-10-15",
    "Content-Type": "application/vnd.api+json",
    "Accept": "application/vnd.api+json",
}
IMPORTS = "/api/profile-bulk-import-jobs"
SUBSCRIBE = "/api/profile-subscription-bulk-create-jobs"
UNSUBSCRIBE = "/api/profile-subscription-bulk-delete-jobs"
SUPPRESS = "/api/profile-suppression-bulk-create-jobs"
UNSUPPRESS = "/api/profile-suppression-bulk-delete-jobs"
EVENT = "/api/events"
EVENTS = "/api/event-bulk-create-jobs"
DELETE = "/api/data-privacy-deletion-jobs"


class Api:
    """Calls one emulator; a path starts with a slash, `json` is sent as it is."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False  # looking for proxies takes longer than some requests
        self.session.headers.update(HEADERS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.session.close()

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Any call."""
        return self.session.request(method, self.url + path, timeout=30, **arguments)

    def get(self, path: str, **query: str) -> requests.Response:
        """GET; `page_size` and `page_cursor` stand for the bracketed names."""
        params = {f"page[{name.removeprefix('page_')}]" if "page_" in name else name: v for name, v in query.items()}
        return self.call("GET", path, params=params)

    def pages(self, path: str, **query: str) -> list[dict[str, Any]]:
        """What stands in all pages, as their links lead from one to the next; `query` as for `get`."""
        document = self.get(path, **query).json()
        found: list[dict[str, Any]] = document["data"]
        while document["links"]["next"]:
            document = self.session.get(document["links"]["next"], timeout=30).json()
            found += document["data"]
        return found

    def post(self, path: str, body: object) -> requests.Response:
        """POST a document."""
        return self.call("POST", path, json=body)

    def control(self, name: str, order: object = None) -> None:
        """POST to the controls, which must accept it."""
        answer = self.call("POST", f"/_emulator/{name}", json=order)
        assert answer.status_code == 200, answer.text

    def make_list(self, name: str = "VIP", **attributes: object) -> str:
        """A new list's id."""
        answer = self.post("/api/lists", {"data": {"type": "list", "attributes": {"name": name, **attributes}}})
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

    def person(self, identifier: str) -> dict[str, Any] | None:
        """Everything about the person with that identifier; None: nobody has it."""
        answer = self.call("GET", f"/_emulator/profiles/{identifier}")
        return answer.json() if answer.status_code == 200 else None

    def consent(self, identifier: str, channel: str = "email") -> str:
        """The marketing consent of a person who must exist."""
        answer = self.call("GET", f"/_emulator/profiles/{identifier}")
        return str(answer.json()["subscriptions"][channel]["marketing"]["consent"])

    def suppressions(self, email: str) -> list[str]:
        """Why a person who must exist gets no e-mail."""
        answer = self.call("GET", f"/_emulator/profiles/{email}")
        found = answer.json()["subscriptions"]["email"]["marketing"]["suppression"]
        return [str(suppression["reason"]) for suppression in found]

    def events(self, **query: str) -> list[Any]:
        """The unique ids of all events, or with `full` the events."""
        events: list[Any] = self.call("GET", "/_emulator/events", params=query).json()["events"]
        return events

    def traps(self) -> list[dict[str, Any]]:
        """Who was unsubscribed from everything by mistake."""
        traps: list[dict[str, Any]] = self.call("GET", "/_emulator/traps").json()
        return traps

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


def consent_row(
    state: str, email: str | None = None, phone_number: str | None = None, **more: object
) -> dict[str, Any]:
    """A profile that is to be SUBSCRIBED or UNSUBSCRIBED on the channels it has an identifier for."""
    given = {"email": email, "phone_number": phone_number}
    channels = {"email": "email", "phone_number": "sms"}
    named = {name: value for name, value in given.items() if value is not None}
    subscriptions = {channels[name]: {"marketing": {"consent": state, **more}} for name in named}
    return row(**named, subscriptions=subscriptions)


def subscribed(email: str | None = None, phone_number: str | None = None, **more: object) -> dict[str, Any]:
    """A row of a subscription."""
    return consent_row("SUBSCRIBED", email, phone_number, **more)


def unsubscribed(email: str | None = None, phone_number: str | None = None) -> dict[str, Any]:
    """A row of an unsubscription."""
    return consent_row("UNSUBSCRIBED", email, phone_number)


def bulk_body(path: str, rows: list[Any], list_id: str | None = None, **attributes: object) -> dict[str, Any]:
    """The body of one of the four consent calls."""
    kind = path.removeprefix("/api/").removesuffix("s")
    data: dict[str, Any] = {"type": kind, "attributes": {"profiles": {"data": rows}, **attributes}}
    if list_id is not None:
        data["relationships"] = {"list": {"data": {"type": "list", "id": list_id}}}
    return {"data": data}


def event(name: str = "Bought", /, **attributes: object) -> dict[str, Any]:
    """An event without its profile."""
    named = {"data": {"type": "metric", "attributes": {"name": name}}}
    return {"type": "event", "attributes": {"properties": {}, "metric": named, **attributes}}


def entry(profile: dict[str, Any], *events: dict[str, Any]) -> dict[str, Any]:
    """One person and their events."""
    attributes = {"profile": {"data": profile}, "events": {"data": list(events)}}
    return {"type": "event-bulk-create", "attributes": attributes}


def events_body(*entries: dict[str, Any]) -> dict[str, Any]:
    """The body of a bulk call for events."""
    attributes = {"events-bulk-create": {"data": list(entries)}}
    return {"data": {"type": "event-bulk-create-job", "attributes": attributes}}


def deletion_body(profile_id: str | None = None, **attributes: object) -> dict[str, Any]:
    """The body of a deletion."""
    profile = {"type": "profile", **({"id": profile_id} if profile_id else {}), "attributes": attributes}
    return {"data": {"type": "data-privacy-deletion-job", "attributes": {"profile": {"data": profile}}}}


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


def started_import(api: Api, rows: list[Any], *list_ids: str) -> str:
    """The id of an import job that was accepted."""
    answer = api.start_import(rows, *list_ids)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["data"]["id"])
