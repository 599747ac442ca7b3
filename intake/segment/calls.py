"""The addresses of the tracking API, to which the libraries of Segment and RudderStack post (Segment: HTTP API)."""

from __future__ import annotations

from typing import Final, Literal

Type = Literal["identify", "track", "group", "alias", "page", "screen", "delete"]
#: Call -> the type that its address gives to each message, whatever the message says; None: each message has its own.
CALLS: Final[dict[str, Type | None]] = {
    "batch": None,
    "import": None,
    "identify": "identify",
    "track": "track",
    "group": "group",
    "page": "page",
    "screen": "screen",
    "alias": "alias",
}
#: Where Segment's libraries for browsers and phones report how they are used, without a write key.
METRICS: Final = ("/v1/m", "/v1/m/")


def _spellings(call: str) -> list[str]:
    """Return the addresses of a call: some libraries shorten it to its first letter, and some add a slash."""
    names = [call] if call == "import" else [call, call[0]]
    return [f"/v1/{name}{slash}" for name in names for slash in ("", "/")]


#: Address -> the type that it gives.
ADDRESSES: Final = {address: given for call, given in CALLS.items() for address in _spellings(call)}
