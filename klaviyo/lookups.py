"""Looking people up: who at Klaviyo has an identifier, who of some is on a list, whom an import wrote.

Klaviyo shows one address of a profile, its primary one. Who is found by a secondary one shows another address than was
asked for (Klaviyo: multi email profiles), and so does who was merged or changed meanwhile. Nothing here says whose a
profile is: the caller compares what is shown with what was asked for, for which there is `by_value`.

Klaviyo's filter expressions and query strings (Klaviyo: filtering guide).
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal
from urllib.parse import quote, urlencode

import msgspec

from klaviyo.bulk import chunks
from klaviyo.calls import Caller, shape
from klaviyo.endpoints import IMPORTED_PROFILES, LIST_PROFILES, PROFILE_LISTS, PROFILES, Endpoint
from klaviyo.errors import NotAccepted
from klaviyo.marketing import Channel, Marketing, Subscriptions
from klaviyo.members import Field
from klaviyo.outcomes import Gone

#: Most values in one `any`: a page holds 100, so a look-up of 100 people is answered in one.
MAX_VALUES = 100
#: Most bytes of an encoded `any`; with host, path and cursor the URL stays under 6 KB.
MAX_FILTER = 5_500


def equals(field: str, value: str) -> str:
    """`equals(field,"value")`, not yet encoded for a URL."""
    return f"equals({field},{_literal(value)})"


def any_of(field: str, values: Sequence[str]) -> Iterator[str]:
    """Filters `any(field,["a","b"])` that together name all `values`, each short enough for one URL."""
    for part in chunks(values, MAX_VALUES, MAX_FILTER, _encoded_size):
        yield f"any({field},[{','.join(_literal(value) for value in part)}])"


def query(parameters: Mapping[str, str]) -> str:
    """An encoded query string. `+` becomes %2B and a space %20, so that `a+b@example.com` stays itself."""
    return urlencode(parameters, quote_via=quote, safe="")


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _encoded_size(value: str) -> int:
    # The comma that follows is three bytes once encoded, of which `chunks` counts one.
    return len(quote(_literal(value), safe="")) + 2


#: What profiles can be looked up by; `id` is Klaviyo's own (Klaviyo: get profiles, `any`).
ProfileField = Literal["id", "email", "phone_number", "external_id"]
IDENTIFIERS: Final = "email,phone_number,external_id"
#: Asks for identifiers and consents; the limits stay as they are (Klaviyo: get profiles).
CONSENTS: Final = {
    "additional-fields[profile]": "subscriptions",
    "fields[profile]": f"{IDENTIFIERS},subscriptions",
}
_PAGE: Final = {"page[size]": "100"}
# Not `str.lower`: it makes an ASCII letter of the Kelvin sign, and so one address of two people's.
_FOLD: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class FoundProfile(msgspec.Struct, frozen=True):
    """A profile as Klaviyo shows it now; `email`: the primary address.

    `sms_consent`: the phone has consent to marketing by SMS; False where nobody asked for consents.
    """

    id: str
    email: str | None
    phone_number: str | None
    external_id: str | None
    sms_consent: bool = False


class Attributes(msgspec.Struct, frozen=True):
    """What Klaviyo's answer holds of a profile, None for what it has not or was not asked for."""

    email: str | None = None
    phone_number: str | None = None
    external_id: str | None = None
    subscriptions: Subscriptions | None = None

    def marketing(self, channel: Literal["email", "sms"]) -> Marketing:
        """The consent by this channel; an empty one where nothing is told of it."""
        told: Channel | None = getattr(self.subscriptions, channel, None)
        return (told and told.marketing) or Marketing()


class ProfileData(msgspec.Struct, frozen=True):
    """An element of `data`."""

    id: str
    attributes: Attributes


class _Reference(msgspec.Struct, frozen=True):
    id: str


def find_profiles(
    call: Caller, field: ProfileField, values: Sequence[str], *, consents: bool = False
) -> list[FoundProfile]:
    """Those of `values` whom Klaviyo knows, each profile once; one request for each hundred. Raises NotAccepted.

    `consents`: ask for `sms_consent`, too. The e-mail shown may be another one than was asked for.
    """
    parameters = CONSENTS if consents else {"fields[profile]": IDENTIFIERS}
    return _each_once(look_up(call, PROFILES, "", field, values, parameters))


def find_members(call: Caller, list_id: str, field: Field, values: Sequence[str]) -> list[FoundProfile]:
    """Those of `values` who are on the list, each profile once; one request for each hundred.

    The e-mail shown may be another one than was asked for. Raises NotAccepted, with a HoldNeeded of scope `list` when
    the list is gone.
    """
    return _each_once(look_up(call, LIST_PROFILES, list_id, field, values, {"fields[profile]": IDENTIFIERS}))


def imported_profiles(call: Caller, job_id: str) -> Iterator[FoundProfile]:
    """The profiles that the rows of an import wrote, as they are now, page by page.

    Fewer than its rows where Klaviyo refused some, or took several for one person; one that was merged or renamed since
    shows another address than its row. Raises NotAccepted, with Gone for a job that Klaviyo does not know any more.
    """
    parameters = query({"fields[profile]": IDENTIFIERS, **_PAGE})
    for page in call.pages(IMPORTED_PROFILES, job_id, parameters):
        yield from map(_found, shape(IMPORTED_PROFILES, page, list[ProfileData]))


def lists_of(call: Caller, profile_id: str) -> list[str] | None:
    """Ids of the lists that a profile is on; None: Klaviyo does not know the profile, or not any more.

    For single cases: Klaviyo allows 60 of these a minute. Raises NotAccepted.
    """
    try:
        pages = list(call.pages(PROFILE_LISTS, profile_id, ""))
    except NotAccepted as refusal:
        if isinstance(refusal.outcome, Gone):
            return None
        raise
    return [each.id for page in pages for each in shape(PROFILE_LISTS, page, list[_Reference])]


def by_value(found: Iterable[FoundProfile], field: ProfileField, values: Iterable[str]) -> dict[str, FoundProfile]:
    """The profiles by those of `values` that they show: whoever was found by an address they do not show is left out.

    The case of ASCII letters in an e-mail does not count; everything else compares as it is.
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
    """What a filter for these values brings, a hundred a request; a profile may come twice. Raises NotAccepted."""
    for expression in any_of(field, values):
        for page in call.pages(endpoint, identifier, query({"filter": expression, **parameters, **_PAGE})):
            yield from shape(endpoint, page, list[ProfileData])


def _each_once(profiles: Iterable[ProfileData]) -> list[FoundProfile]:
    return list({profile.id: _found(profile) for profile in profiles}.values())


def _found(profile: ProfileData) -> FoundProfile:
    told = profile.attributes
    consent = told.marketing("sms").consent == "SUBSCRIBED"
    return FoundProfile(profile.id, told.email, told.phone_number, told.external_id, consent)


def folded(field: str, value: str) -> str:
    """How values of a field compare: ASCII letters of an e-mail without case, everything else as it is."""
    return value.translate(_FOLD) if field == "email" else value
