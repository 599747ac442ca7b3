"""E-mail addresses as Klaviyo takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mappings.errors import Reason, Unfit

_MAX_LENGTH = 254
_MAX_LOCAL_LENGTH = 64
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP_LEVEL = r"(?:[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{0,58}[A-Za-z0-9])"
#: Dot-atom, no quoted local parts, no address literals: Klaviyo rejects a whole import for one address it cannot
#: read, so what is unusual is refused here. ASCII only, for the same reason; a domain may come in punycode.
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_TOP_LEVEL}")


def is_valid(address: str) -> bool:
    """Whether `address` (already trimmed) is an address that can be mailed, by its syntax alone."""
    return (
        len(address) <= _MAX_LENGTH
        and address.find("@") <= _MAX_LOCAL_LENGTH
        and _ADDRESS.fullmatch(address) is not None
    )


def first_valid(addresses: Iterable[str]) -> str:
    """The first valid of a person's trimmed addresses, as given; raises Unfit(email_invalid) when none is."""
    for address in addresses:
        if is_valid(address):
            return address
    raise Unfit(Reason.EMAIL_INVALID)
