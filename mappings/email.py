"""Normalises and validates e-mail addresses as Klaviyo takes them."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import idna

from mappings.errors import Reason, Unfit

_MAX_LENGTH = 254
_MAX_LOCAL_LENGTH = 64
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP_LEVEL = r"(?:[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{0,58}[A-Za-z0-9])"
#: Dot-atom, no quoted local parts, no address literals, ASCII only (a domain may be in punycode): Klaviyo rejects a
#: whole import for one address that it cannot read, so unusual forms are refused here.
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_TOP_LEVEL}")

#: Invisible characters (Unicode: Default_Ignorable_Code_Point, interlinear annotation), except the joiners: nearly all
#: of category Cf without its visible signs, such as the Arabic number signs, and the blanks and variation selectors of
#: other categories.
_INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
UNSEEN: Final = re.compile(f"[{_INVISIBLE}]")
_JOINER: Final = re.compile("[\u200c\u200d]")
# `str.lower` turns the Kelvin sign into an ASCII letter, which would make one address of two people's addresses.
_FOLD: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def canonical(text: str) -> str:
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


def is_valid(address: str) -> bool:
    """Return whether `address`, in its canonical form, has a valid syntax."""
    return (
        len(address) <= _MAX_LENGTH
        and address.find("@") <= _MAX_LOCAL_LENGTH
        and _ADDRESS.fullmatch(address) is not None
    )


def first_valid(addresses: Iterable[str]) -> str:
    """Return the first valid address in its canonical form; raises Unfit(email_invalid) when there is none."""
    for address in map(canonical, addresses):
        if is_valid(address):
            return address
    raise Unfit(Reason.EMAIL_INVALID)
