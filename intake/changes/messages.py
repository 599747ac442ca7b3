"""The messages posted to `/v1/changes`: changes in Ferry's own format."""

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
from mappings.identifiers import canonical_email
from mappings.phone import region_of
from mappings.values import to_ms

#: ms of 1973 and 2286: every plausible time in ms is between them, and no time in seconds is.
_EARLIEST: Final = 100_000_000_000
_LATEST: Final = 9_999_999_999_999
#: The allowed values of `action`, for messages.
ACTIONS: Final = "add, remove, update"
_ChangeRaw = Annotated[Raw, Meta(extra_json_schema=ref("Change"))]
#: Parameters of the address that have no effect in a body: a sender who writes them there means another connection.
OF_ADDRESS: Final = ("connection", "connections")


class AudienceRef(msgspec.Struct):
    """The audience of a change."""

    id: AudienceId
    name: Annotated[
        Annotated[str, Meta(max_length=AUDIENCE_NAME)] | None, Meta(description="The name of its Klaviyo list.")
    ] = None


class PostedChanges(msgspec.Struct):
    """A list of changes. Each is read on its own."""

    changes: Annotated[list[_ChangeRaw], Meta(extra_json_schema={"maxItems": CHANGES})]
    audience: Annotated[AudienceRef | None, Meta(description="The audience of changes without one.")] = None


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
    audience: Annotated[AudienceRef | None, Meta(description="Default: the audience of the request.")] = None


class _Located(msgspec.Struct):
    country: str | None = None


_located = msgspec.json.Decoder(_Located)


def planned(timestamp: str | int) -> int:
    """Return a planned time in ms. Raises ValueError saying what is wrong when it is not plausible."""
    ms = to_ms(timestamp)
    if not _EARLIEST <= ms <= _LATEST:
        raise ValueError("not between 1973 and 2286; a number is ms since 1970, not seconds")
    return int(ms)


def person_keys(change: PostedChange, connection: Connection) -> tuple[str, ...]:
    """Return a key for each identifier of the person, the one that names the person first; may be empty."""
    address, wrong = of_email([change.email] if change.email else [])
    found = [(EMAIL, address or (canonical_email(change.email or "") if wrong else ""))]
    if change.external_id is not None:
        found.append((EXTERNAL_ID, of_id(str(change.external_id))))
    if change.phone is not None:
        number = str(change.phone)
        found.append((PHONE, of_phone(number, _region(change, number, connection))))
    keys = keys_of(made(found, connection.identity.blocked))
    return keys or typed_phone(str(change.phone or ""))


def is_anybody(change: PostedChange) -> bool:
    """Return whether the change has an email or external_id, even if it is only a placeholder."""
    given = (change.email, change.external_id)
    return any(str(value).strip() for value in given if value is not None)


def _region(change: PostedChange, number: str, connection: Connection) -> str | None:
    """Return the country for reading the phone; attributes are not decoded when the phone has a country code."""
    default = connection.rules.default_country
    if number.lstrip().startswith("+") or not bytes(change.attributes):
        return default
    try:
        return region_of(_located.decode(change.attributes).country, default)
    except UNREADABLE:
        return default


def schemas() -> Schema:
    """Return the schemas of changes for the OpenAPI document."""
    return requests(Audience=AudienceRef, Change=PostedChange, Changes=PostedChanges)
