"""Person lookups at Klaviyo: profiles with an identifier, members of a list, profiles that an import wrote.

Klaviyo shows only the primary address of a profile. A profile found by a secondary address therefore shows another one
than was asked for (Klaviyo: multi email profiles), and so does a profile that was merged or changed meanwhile. This
module does not decide whose a profile is: the caller compares the shown values with the requested ones by `by_value`.

It also writes the filter expressions and query strings (Klaviyo: filtering guide).
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal
from urllib.parse import quote, urlencode

import msgspec

from klaviyo.calls import Caller, chunks, shape
from klaviyo.endpoints import IMPORTED_PROFILES, LIST_PROFILES, PROFILE_LISTS, PROFILES, Endpoint
from klaviyo.errors import NotAccepted
from klaviyo.marketing import Channel, Marketing, Subscriptions
from klaviyo.outcomes import Gone

#: The most values in one `any`: a page has 100 profiles, so a look-up of 100 people gets one page.
MAX_VALUES = 100
#: The most bytes of an encoded `any`; with host, path and cursor the URL stays under 6 KB.
MAX_FILTER = 5_500
#: What profiles can be looked up by; `id` is Klaviyo's id (Klaviyo: get profiles, `any`).
ProfileField = Literal["id", "email", "phone_number", "external_id"]
#: What a list's members can be looked up by; an external id is not possible.
Field = Literal["email", "phone_number"]
IDENTIFIERS: Final = "email,phone_number,external_id"
#: Asks for identifiers and consents; this does not change the limits (Klaviyo: get profiles).
CONSENTS: Final = {
    "additional-fields[profile]": "subscriptions",
    "fields[profile]": f"{IDENTIFIERS},subscriptions",
}
_PAGE: Final = {"page[size]": "100"}
# Not `str.lower`: it turns the Kelvin sign into an ASCII letter, which would make the addresses of two people equal.
_FOLD: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def equals(field: str, value: str) -> str:
    """Return `equals(field,"value")`, not yet encoded for a URL."""
    return f"equals({field},{_literal(value)})"


def any_of(field: str, values: Sequence[str]) -> Iterator[str]:
    """Yield filters `any(field,["a","b"])` that together name all `values`, each short enough for one URL."""
    for part in chunks(values, MAX_VALUES, MAX_FILTER, _encoded_size):
        yield f"any({field},[{','.join(_literal(value) for value in part)}])"


def query(parameters: Mapping[str, str]) -> str:
    """Return an encoded query string. `+` becomes %2B and a space %20, so that `a+b@example.com` is preserved."""
    return urlencode(parameters, quote_via=quote, safe="")


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _encoded_size(value: str) -> int:
    # The comma that follows takes three bytes when encoded; `chunks` counts one of them.
    return len(quote(_literal(value), safe="")) + 2


class FoundProfile(msgspec.Struct, frozen=True):
    """A profile as Klaviyo shows it now; `email`: the primary address.

    `sms_consent`: the phone has consent to marketing by SMS; False when the request did not ask for consents.
    """

    id: str
    email: str | None
    phone_number: str | None
    external_id: str | None
    sms_consent: bool = False


class Attributes(msgspec.Struct, frozen=True):
    """The attributes of a profile in Klaviyo's answer; None for a missing one or one that was not asked for."""

    email: str | None = None
    phone_number: str | None = None
    external_id: str | None = None
    subscriptions: Subscriptions | None = None

    def marketing(self, channel: Literal["email", "sms"]) -> Marketing:
        """Return the consent by this channel; an empty one when the answer has none."""
        found: Channel | None = getattr(self.subscriptions, channel, None)
        return (found and found.marketing) or Marketing()


class ProfileData(msgspec.Struct, frozen=True):
    """An element of `data`."""

    id: str
    attributes: Attributes


class _Reference(msgspec.Struct, frozen=True):
    id: str


def find_profiles(
    call: Caller, field: ProfileField, values: Sequence[str], *, consents: bool = False
) -> list[FoundProfile]:
    """Return the profiles with these `values`, each once; one request for each hundred. Raises NotAccepted.

    `consents`: also ask for `sms_consent`. The shown e-mail may differ from the requested one.
    """
    parameters = CONSENTS if consents else {"fields[profile]": IDENTIFIERS}
    return _each_once(look_up(call, PROFILES, "", field, values, parameters))


def find_members(call: Caller, list_id: str, field: Field, values: Sequence[str]) -> list[FoundProfile]:
    """Return the profiles with these `values` that are on the list, each once; one request for each hundred.

    The shown e-mail may differ from the requested one. Raises NotAccepted, with a HoldNeeded of scope `list` when the
    list is gone.
    """
    return _each_once(look_up(call, LIST_PROFILES, list_id, field, values, {"fields[profile]": IDENTIFIERS}))


def imported_profiles(call: Caller, job_id: str) -> Iterator[FoundProfile]:
    """Yield the profiles that the rows of an import wrote, as they are now, page by page.

    There are fewer profiles than rows when Klaviyo refused rows or took several rows for one person. A profile that was
    merged or renamed since shows another address than its row. Raises NotAccepted, with Gone for a job that Klaviyo no
    longer knows.
    """
    parameters = query({"fields[profile]": IDENTIFIERS, **_PAGE})
    for page in call.pages(IMPORTED_PROFILES, job_id, parameters):
        yield from map(_found, shape(IMPORTED_PROFILES, page, list[ProfileData]))


def lists_of(call: Caller, profile_id: str) -> list[str] | None:
    """Return the ids of the lists that a profile is on, or None when Klaviyo does not (or no longer) know it.

    Only for single profiles: Klaviyo allows 60 of these requests a minute. Raises NotAccepted.
    """
    try:
        pages = list(call.pages(PROFILE_LISTS, profile_id, ""))
    except NotAccepted as refusal:
        if isinstance(refusal.outcome, Gone):
            return None
        raise
    return [each.id for page in pages for each in shape(PROFILE_LISTS, page, list[_Reference])]


def by_value(found: Iterable[FoundProfile], field: ProfileField, values: Iterable[str]) -> dict[str, FoundProfile]:
    """Return the profiles by the value that they show, without those that show none of `values`.

    ASCII letters of an e-mail compare without case; everything else compares exactly.
    """
    shown = {folded(field, value): each for each in found if (value := getattr(each, field))}
    return {value: shown[key] for value in values if (key := folded(field, value)) in shown}


def look_up(
    call: Caller,
    endpoint: Endpoint,
    identifier: str,
    field: ProfileField,
    values: Sequence[str],
    parameters: Mapping[str, str],
) -> Iterator[ProfileData]:
    """Yield the profiles with these values, a hundred values a request; may yield one twice. Raises NotAccepted."""
    for expression in any_of(field, values):
        for page in call.pages(endpoint, identifier, query({"filter": expression, **parameters, **_PAGE})):
            yield from shape(endpoint, page, list[ProfileData])


def _each_once(profiles: Iterable[ProfileData]) -> list[FoundProfile]:
    return list({profile.id: _found(profile) for profile in profiles}.values())


def _found(profile: ProfileData) -> FoundProfile:
    found = profile.attributes
    consent = found.marketing("sms").consent == "SUBSCRIBED"
    return FoundProfile(profile.id, found.email, found.phone_number, found.external_id, consent)


def folded(field: str, value: str) -> str:
    """Return the value in the form in which it is compared: ASCII letters of an e-mail in lower case, others as is."""
    return value.translate(_FOLD) if field == "email" else value
