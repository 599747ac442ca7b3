"""What is posted to `/v1/changes`: changes in Ferry's own form."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Raw, field

from configuration.connections import Connection
from identity.identifiers import EMAIL, EXTERNAL_ID, PHONE, keys_of, made, of_email, of_id, of_phone, typed_phone
from intake.http.faults import UNREADABLE
from intake.http.limits import AUDIENCE_NAME, CHANGES
from intake.mparticle.messages import AudienceId
from intake.openapi.schemas import CLAMPED, Schema, maybe, ref, requests
from mappings import email
from mappings.phone import region_of
from mappings.times import to_ms

#: ms of 1973 and 2286: between them lies every time in ms that somebody may plan, and no time in seconds.
_EARLIEST: Final = 100_000_000_000
_LATEST: Final = 9_999_999_999_999
#: What may stand in `action`, for messages.
ACTIONS: Final = "add, remove, update"


_ChangeRaw = Annotated[Raw, Meta(extra_json_schema=ref("Change"))]


class AudienceRef(msgspec.Struct):
    """Which audience a change is for."""

    id: AudienceId
    name: Annotated[
        Annotated[str, Meta(max_length=AUDIENCE_NAME)] | None, Meta(description="What its Klaviyo list is called.")
    ] = None


#: Names that decide something in the address, and nothing in a body: who writes them there means another connection.
OF_ADDRESS: Final = ("connection", "connections")


class PostedChanges(msgspec.Struct):
    """Changes. Each is read by itself."""

    changes: Annotated[list[_ChangeRaw], Meta(extra_json_schema={"maxItems": CHANGES})]
    audience: Annotated[AudienceRef | None, Meta(description="Of those that name none.")] = None


class PostedChange(msgspec.Struct):
    """One change of one person. Needs at least one of email, phone and external_id."""

    action: Annotated[Literal["add", "remove", "update"], Meta(description="update: attributes only.")]
    email: str | None = None
    phone: str | int | None = None
    external_id: str | int | None = None
    attributes: Annotated[
        Raw,
        Meta(description="A value of null removes the attribute.", extra_json_schema={"type": ["object", "null"]}),
    ] = field(default_factory=Raw)
    consent_state: Annotated[Raw, Meta(extra_json_schema=maybe(ref("ConsentState")))] = field(default_factory=Raw)
    timestamp: Annotated[
        str | int | float | None,
        Meta(description=f"When it happened: ISO 8601, or ms since 1970 (also as text); now when left out. {CLAMPED}"),
    ] = None
    audience: Annotated[AudienceRef | None, Meta(description="Else that of the request.")] = None


class _Located(msgspec.Struct):
    country: str | None = None


_located = msgspec.json.Decoder(_Located)


def planned(timestamp: str | int) -> int:
    """A time in ms that somebody chose, and is told when it cannot be. Raises ValueError saying what is wrong."""
    ms = to_ms(timestamp)
    if not _EARLIEST <= ms <= _LATEST:
        raise ValueError("not between 1973 and 2286; a number is ms since 1970, not seconds")
    return int(ms)


def person_keys(change: PostedChange, connection: Connection) -> tuple[str, ...]:
    """A key for each identifier of the person, the one that names the person first; none when there is none."""
    address, wrong = of_email([change.email] if change.email else [])
    found = [(EMAIL, address or (email.canonical(change.email or "") if wrong else ""))]
    if change.external_id is not None:
        found.append((EXTERNAL_ID, of_id(str(change.external_id))))
    if change.phone is not None:
        number = str(change.phone)
        found.append((PHONE, of_phone(number, _region(change, number, connection))))
    keys = keys_of(made(found, connection.identity.blocked))
    return keys or typed_phone(str(change.phone or ""))


def is_anybody(change: PostedChange) -> bool:
    """Whether there is anything that is to identify the person, be it a placeholder."""
    given = (change.email, change.external_id)
    return any(str(value).strip() for value in given if value is not None)


def _region(change: PostedChange, number: str, connection: Connection) -> str | None:
    """The country by which the phone is read; attributes are not looked into where it names its own."""
    default = connection.rules.default_country
    if number.lstrip().startswith("+") or not bytes(change.attributes):
        return default
    try:
        return region_of(_located.decode(change.attributes).country, default)
    except UNREADABLE:
        return default


def schemas() -> Schema:
    """What the OpenAPI document says of changes."""
    return requests(Audience=AudienceRef, Change=PostedChange, Changes=PostedChanges)
