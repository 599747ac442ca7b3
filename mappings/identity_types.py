"""mParticle's identity types under one spelling, whichever of its products wrote them."""

from __future__ import annotations

from typing import Final

#: Identity types that may become Klaviyo's `external_id` (mParticle: Klaviyo audience page, Alternate Identifier).
ALTERNATE: Final = ("customer", "other", *(f"other{number}" for number in range(2, 11)))
#: Identity types that may become Klaviyo's `phone_number` (mParticle: Klaviyo pages, Phone Identifier).
PHONES: Final = ("mobile_number", "phone_number_2", "phone_number_3")

_FIREHOSE: Final = (
    "email",
    *ALTERNATE,
    *PHONES,
    *("facebook", "twitter", "google", "microsoft", "yahoo"),
)


def _squashed(name: str) -> str:
    return name.replace("_", "").replace(" ", "").lower()


#: Events API and Profile API say `customer_id` and `other_id_2`, exports `CustomerId` and `Other3`, the UI `Other 3`.
_BY_SQUASHED_NAME: Final = {
    **{_squashed(name): name for name in _FIREHOSE},
    **{name.replace("other", "otherid"): name for name in ALTERNATE if name != "customer"},
    "customerid": "customer",
}
_BY_NAME: Final = {name: name for name in _FIREHOSE}


def canonical(name: str) -> str | None:
    """The Firehose spelling of an identity type, or None for a type that mParticle does not have."""
    return _BY_NAME.get(name) or _BY_SQUASHED_NAME.get(_squashed(name))
