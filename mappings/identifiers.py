"""Selects the identities that may identify a person in Klaviyo.

Also brings mParticle's identity types, which its products spell differently, into one spelling.
"""

from __future__ import annotations

import re
import string
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Final

import idna
import msgspec

from mappings.errors import Reason, Rejected, Unfit
from mappings.person import Identity
from mappings.rules import Rules
from mappings.values import UNSEEN, is_clean

#: Identity types that may become Klaviyo's `external_id` (mParticle: Klaviyo audience page, Alternate Identifier).
ALTERNATE: Final = ("customer", "other", *(f"other{number}" for number in range(2, 11)))
#: Identity types that may become Klaviyo's `phone_number` (mParticle: Klaviyo pages, Phone Identifier).
PHONES: Final = ("mobile_number", "phone_number_2", "phone_number_3")
#: The Firehose spelling of each identity type.
FIREHOSE: Final = frozenset({"email", *ALTERNATE, *PHONES, *("facebook", "twitter", "google", "microsoft", "yahoo")})
_MAX_LENGTH = 254
_MAX_LOCAL_LENGTH = 64
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP_LEVEL = r"(?:[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{0,58}[A-Za-z0-9])"
#: Dot-atom, no quoted local parts, no address literals, ASCII only (a domain may be in punycode): Klaviyo rejects a
#: whole import for one address that it cannot read, so unusual forms are refused here.
_LOCAL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_DOMAIN: Final = re.compile(rf"(?:{_LABEL}\.)+{_TOP_LEVEL}")
#: Domains whose validity is remembered: most people have addresses of few domains.
_DOMAINS: Final = 4_096
_JOINER: Final = re.compile("[\u200c\u200d]")
# `str.lower` turns the Kelvin sign into an ASCII letter, which would make one address of two people's addresses.
_FOLD: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_BY_NAME: Final = {name: name for name in FIREHOSE}
EMAIL: Final = "email"
PHONE: Final = "phone_number"
EXTERNAL_ID: Final = "external_id"
#: Identity types of `/v1/changes`. Their senders use Klaviyo's own identifiers, so the rules do not apply to them, and
#: a person with one of them needs no e-mail.
_DIRECT: Final = {"phone": PHONE, "external_id": EXTERNAL_ID}
_HASHED: Final = {PHONE: Reason.PHONE_HASHED, EXTERNAL_ID: Reason.EXTERNAL_ID_HASHED}
#: The limit on external ids that other integrations with Klaviyo use.
_MAX_EXTERNAL_ID = 255


def _squashed(name: str) -> str:
    return name.replace("_", "").replace(" ", "").lower()


#: The Events API and the Profile API write `customer_id` and `other_id_2`, exports `CustomerId` and `Other3`, the UI
#: `Other 3`.
_BY_SQUASHED_NAME: Final = {
    **{_squashed(name): name for name in FIREHOSE},
    **{name.replace("other", "otherid"): name for name in ALTERNATE if name != "customer"},
    "customerid": "customer",
}


def firehose_type(name: str) -> str | None:
    """Return the Firehose spelling of an identity type, or None for a type that mParticle does not have."""
    return _BY_NAME.get(name) or _BY_SQUASHED_NAME.get(_squashed(name))


class Candidates(msgspec.Struct):
    """Trimmed, non-empty values by Klaviyo identifier, in the order of the identities, and the hashed identifiers."""

    raw: dict[str, list[str]] = {}
    hashed: set[str] = set()
    needs_email: bool = True

    def errors(self) -> dict[str, Reason]:
        """Return the identifiers, except the e-mail, that came in hashed form only."""
        return {name: reason for name, reason in _HASHED.items() if name in self.hashed and name not in self.raw}


def candidates(identities: Iterable[Identity], rules: Rules) -> Candidates:
    """Return the person's possible identifiers; raises Rejected(no_email or email_hashed) without a required e-mail."""
    result = Candidates()
    for identity in identities:
        name = identifier(identity.type, rules)
        if name is None:
            continue
        value = canonical_email(identity.value) if name == EMAIL else identity.value.strip()
        if not value:
            continue
        if identity.type in _DIRECT:
            result.needs_email = False
        if identity.encoding == "raw":
            result.raw.setdefault(name, []).append(value)
        else:
            result.hashed.add(name)
    _check_email(result)
    return result


def identifier(identity_type: str, rules: Rules) -> str | None:
    """Return Klaviyo's name of the identifier that this identity type gives; None if it gives none."""
    if identity_type == EMAIL:
        return EMAIL
    if identity_type == rules.phone_identifier:
        return PHONE
    if identity_type == rules.alternate_identifier:
        return EXTERNAL_ID
    return _DIRECT.get(identity_type)


def _check_email(found: Candidates) -> None:
    if EMAIL in found.raw:
        return
    if EMAIL in found.hashed:
        raise Rejected(
            Reason.EMAIL_HASHED,
            EMAIL,
            "the e-mail came in hashed form only, which Klaviyo does not accept; the CDP must send it raw",
        )
    if found.needs_email:
        raise Rejected(
            Reason.NO_EMAIL,
            EMAIL,
            "the person has no e-mail; nothing can be sent until the CDP knows one and shares it with Ferry",
        )


def check(loaded: Container[str], errors: Mapping[str, Reason]) -> None:
    """Raise Rejected when the e-mail is invalid, or when no identifier is valid.

    `loaded`: the valid fields; `errors`: the invalid ones. A person with a wrong e-mail is not sent under another
    identifier: the sender meant the owner of that e-mail, and a second profile is hard to merge with the first.
    """
    if EMAIL in loaded or (EMAIL not in errors and (PHONE in loaded or EXTERNAL_ID in loaded)):
        return
    name = next(name for name in (EMAIL, PHONE, EXTERNAL_ID) if name in errors)
    raise Rejected(
        errors[name],
        name,
        f"Klaviyo does not accept the {name}; correct it in the CDP and replay the change",
    )


def is_external_id(value: str) -> bool:
    """Return whether Klaviyo takes the value as an external id."""
    return is_clean(value) and len(value) <= _MAX_EXTERNAL_ID


def external_id(values: Sequence[str]) -> str:
    """Return the first value; raises Unfit when it is too long or contains NUL or lone surrogates.

    An id is never shortened or cleaned, because the result might be another person's id.
    """
    value = values[0]
    if not is_clean(value):
        raise Unfit(Reason.EXTERNAL_ID_INVALID)
    if len(value) > _MAX_EXTERNAL_ID:
        raise Unfit(Reason.EXTERNAL_ID_TOO_LONG)
    return value


def canonical_email(text: str) -> str:
    """Return the spelling in which Ferry compares, stores and sends an address; empty if it is blank.

    It is trimmed, without invisible characters, ASCII letters in lower case, the domain in punycode (IDNA 2008 with the
    mapping of UTS 46, non-transitional). It is not validated. A non-ASCII part before the @ and a domain that may not
    be registered stay unchanged, so that `is_valid` refuses them.
    """
    if text.isascii():
        return text.strip().lower()
    local, at, domain = UNSEEN.sub("", text).rpartition("@")
    if not at:
        local, domain = domain, ""
    return f"{_JOINER.sub('', local)}{at}{_ascii_domain(domain)}".strip().translate(_FOLD)


def _ascii_domain(domain: str) -> str:
    """Return the domain in punycode; if IDNA refuses it, unchanged except for joiners.

    A joiner stays where IDNA allows it, between letters of some scripts (RFC 5892, A.1 and A.2), because there it makes
    a different domain. Python's own codec follows IDNA 2003, in which straße.de is strasse.de.
    """
    plain = _JOINER.sub("", domain).rstrip()
    if plain.isascii():
        return plain
    for each in (domain, plain):
        with suppress(idna.IDNAError):
            return idna.encode(each, uts46=True, std3_rules=True).decode()
    return plain


def is_email(address: str) -> bool:
    """Return whether `address`, in its canonical form, has a valid syntax."""
    local, _, domain = address.partition("@")
    return (
        len(address) <= _MAX_LENGTH
        and len(local) <= _MAX_LOCAL_LENGTH
        and _LOCAL.fullmatch(local) is not None
        and _is_domain(domain)
    )


@lru_cache(maxsize=_DOMAINS)
def _is_domain(text: str) -> bool:
    return _DOMAIN.fullmatch(text) is not None


def first_email(addresses: Iterable[str]) -> str:
    """Return the first valid address in its canonical form; raises Unfit(email_invalid) when there is none."""
    for address in map(canonical_email, addresses):
        if is_email(address):
            return address
    raise Unfit(Reason.EMAIL_INVALID)
