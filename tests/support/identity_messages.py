"""What several sources post about people: one value for each request, to be sent in any order and in any batches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import msgspec
import pytest

#: mParticle's account of the connection `mp`, and its audience.
ACCOUNT, AUDIENCE = 71, 456
#: The name of the list that everything is about unless a test says otherwise.
VIPS = "VIPs"
_numbers = count()
#: The messages of a case are delivered together, or each before the next one comes.
BATCHES = pytest.mark.parametrize("together", [True, False], ids=["one batch", "two batches"])


@dataclass(frozen=True, slots=True)
class Posted:
    """One request. `body`: JSON, or the text of a file; `kind`: its content type. `at`: the CDP's time in ms.

    Without `at` it is the moment it is sent; `stamp` says where in the body that time belongs.
    """

    path: str
    body: Any
    stamp: str = ""
    at: int | str | None = None
    method: str = "POST"
    kind: str = "application/json"


def change(action: str, at: int | str | None = None, connection: str = "default", **person: Any) -> Posted:
    """To `/v1/changes`. `person`: identifiers, `attributes`; and `audience`, (id, name), the VIPs without."""
    number, name = person.pop("audience", ("42", VIPS))
    told = {"action": action, "audience": {"id": number, "name": name}, **person}
    return Posted(f"/v1/changes?connection={connection}", {"changes": [told]}, "timestamp", at)


def add(email: str | None = None, external_id: Any = None, phone: str | None = None, **more: Any) -> Posted:
    """Somebody joins. `more`: as for `change`, and anything else is an attribute."""
    return _change("add", email, external_id, phone, more)


def remove(email: str | None = None, external_id: Any = None, phone: str | None = None, **more: Any) -> Posted:
    """Somebody leaves."""
    return _change("remove", email, external_id, phone, more)


def update(email: str | None = None, external_id: Any = None, phone: str | None = None, **more: Any) -> Posted:
    """Somebody's attributes are others."""
    return _change("update", email, external_id, phone, more)


def _change(action: str, email: str | None, external_id: Any, phone: str | None, more: dict[str, Any]) -> Posted:
    told: dict[str, Any] = {name: more.pop(name) for name in ("at", "connection", "audience") if name in more}
    known = {"email": email, "external_id": external_id, "phone": phone}
    known = {name: value for name, value in known.items() if value is not None}
    return change(action, **told | known | ({"attributes": more} if more else {}))


def mparticle(kind: str, at: int | None = None, account: int = ACCOUNT, **more: Any) -> Posted:
    """A message of the Firehose."""
    told = {"type": f"{kind}_request", "id": f"id-{next(_numbers)}", "firehose_version": "3.2.0"}
    return Posted("/v1/mparticle", {**told, "account": {"account_id": account}, **more}, "timestamp_ms", at)


def identities(email: str | None = None, customer: str | None = None, phone: str | None = None) -> list[dict[str, Any]]:
    """mParticle's `user_identities`."""
    known = (("email", email), ("customer", customer), ("mobile_number", phone))
    return [{"type": name, "encoding": "raw", "value": value} for name, value in known if value is not None]


def member(email: str | None, mpid: str | None, action: str = "add", at: int | None = None, **more: Any) -> Posted:
    """Somebody enters mParticle's audience, or leaves it (`delete`). `more`: customer, phone, and attributes."""
    known = {name: more.pop(name) for name in ("customer", "phone") if name in more}
    attributes = [{"key": name, "action": "upsert", "value": value} for name, value in more.items()]
    entry = {"audience_id": AUDIENCE, "audience_name": VIPS, "action": action, "user_attributes": attributes}
    profile = {"mpid": mpid, "user_identities": identities(email, **known), "audiences": [entry]}
    return mparticle("audience_membership_change", at, user_profiles=[profile])


def consent(email: str | None, mpid: str | None, agreed: bool = True) -> Posted:
    """The person has decided about the newsletter, and mParticle tells it with an event."""
    state = {"gdpr_consent_state": {"newsletter": {"consented": agreed}}}
    return mparticle("event_processing", mpid=mpid, user_identities=identities(email), consent_state=state)


def dsr(**known: str) -> Posted:
    """A request to be forgotten. `known`: email, customer, mpid ... of the person."""
    named = {name: {"encoding": "raw", "value": value} for name, value in known.items()}
    return mparticle("dsr_processing", subject_request_type="erasure", subject_identities=named)


def segment(kind: str, connection: str = "default", at: int | str | None = None, **more: Any) -> Posted:
    """A message of Segment's spec."""
    told = {"type": kind, "messageId": f"m-{next(_numbers)}", **more}
    return Posted(f"/v1/segment?connection={connection}", told, "timestamp", at)


def identify(user: str | None, connection: str = "default", **traits: Any) -> Posted:
    """Segment tells who a user is."""
    return segment("identify", connection, userId=user, traits=traits)


def entered(user: str | None, email: str, connection: str = "default", exited: bool = False, **more: Any) -> Posted:
    """Engage's audience VIPs has one more member, or one less. `more`: its id as `audience`, and of the message."""
    number = more.pop("audience", "aud_1")
    personas = {"computation_class": "audience", "computation_key": VIPS, "computation_id": number}
    known = {"event": "Audience Exited" if exited else "Audience Entered", "context": {"personas": personas}}
    return segment("track", connection, **{**known, "userId": user, "traits": {"email": email}, **more})


def snapshot(text: str, audience: str = "42", name: str = VIPS, connection: str = "default") -> Posted:
    """Everybody who is to be on the list, as CSV."""
    path = f"/v1/audiences/{audience}/members?connection={connection}&name={name}&confirm=1"
    return Posted(path, text, "at", None, "PUT", "text/csv")


def rows(people: Iterable[dict[str, Any]], **order: str) -> Posted:
    """The same as NDJSON."""
    text = b"".join(msgspec.json.encode(person) + b"\n" for person in people).decode()
    posted = snapshot(text, **order)
    return Posted(posted.path, posted.body, posted.stamp, None, "PUT", "application/x-ndjson")


def campaign(name: str, *emails: str, list_name: str = VIPS, connection: str = "default") -> Posted:
    """A campaign of one group."""
    groups = [{"name": "A", "members": [{"email": email} for email in emails]}]
    told = {"name": name, "groups": groups, "list_name": list_name, "confirm": True, "connection": connection}
    return Posted("/v1/campaigns", told)


def stamped(posted: Posted, now: int) -> Posted:
    """The same with the CDP's time in it. `now`: ms, where it has none of its own."""
    at = now if posted.at is None else posted.at
    if posted.method == "PUT":
        return Posted(f"{posted.path}&at={at}", posted.body, method="PUT", kind=posted.kind)
    if posted.path.startswith("/v1/changes"):
        return Posted(posted.path, {"changes": [{posted.stamp: at, **each} for each in posted.body["changes"]]})
    if posted.path.startswith("/v1/segment"):
        return Posted(posted.path, {posted.stamp: iso(at) if isinstance(at, int) else at, **posted.body})
    return Posted(posted.path, {posted.stamp: at, **posted.body} if posted.stamp else posted.body)


def iso(ms: int) -> str:
    """A time as Segment writes it."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
