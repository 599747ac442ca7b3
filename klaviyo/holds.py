"""The holds that the client asks for: each has a reason and says what an operator must do."""

from __future__ import annotations

from klaviyo.endpoints import Endpoint
from klaviyo.outcomes import HoldNeeded
from klaviyo.revision import REVISION


def bad_key(error_id: str) -> HoldNeeded:
    """Return the hold for a key that belongs to no account, or no longer to one."""
    return HoldNeeded(
        "connection",
        "unauthenticated",
        "Give the connection a valid private key (pk_...), then release it.",
        error_id,
    )


def forbidden(endpoint: Endpoint, error_id: str) -> HoldNeeded:
    """Return the hold for a key that lacks a scope or an account that lacks a feature.

    It holds only the queue when only some queues need the scope.
    """
    return HoldNeeded(
        "queue" if endpoint.scope else "connection",
        "forbidden",
        f"Klaviyo does not allow this key to call {endpoint.name}. Scopes cannot be added to a key: create one with "
        f"the scopes that the README lists{f', including {endpoint.scope}' if endpoint.scope else ''}, then release.",
        error_id,
    )


def list_gone(error_id: str) -> HoldNeeded:
    """Return the hold for a list that was deleted in Klaviyo or never existed in this account."""
    return HoldNeeded("list", "list_gone", "Restore the list in Klaviyo or name another one, then release.", error_id)


def list_refused(error_id: str) -> HoldNeeded:
    """Return the hold for a list whose name or id Klaviyo refuses, or an account that may have no more lists."""
    return HoldNeeded(
        "list",
        "list_refused",
        "Check the list's name or id, and that the account has fewer than 1,000 lists and segments; then release.",
        error_id,
    )


def revision(endpoint: str, error_id: str) -> HoldNeeded:
    """Return the hold for an operation that does not exist: the revision is retired or the base URL not Klaviyo's."""
    return HoldNeeded(
        "connection",
        "revision",
        f"Klaviyo does not know {endpoint} at this base URL and revision: correct them, then release.",
        error_id,
    )


def contract(endpoint: str, status: int, error_id: str) -> HoldNeeded:
    """Return the hold for a request whose form, not its content, Klaviyo refuses."""
    return HoldNeeded(
        "connection",
        "contract",
        f"Klaviyo refuses the form of {endpoint} requests at revision {REVISION} with status {status}: read the API's "
        "changelog, update Ferry, then release.",
        error_id,
    )


def certificate_refused() -> HoldNeeded:
    """Return the hold for a server at the base URL that does not prove to be Klaviyo; nothing was sent to it."""
    return HoldNeeded(
        "connection",
        "certificate_refused",
        "The server at KLAVIYO_BASE_URL has a certificate that is expired, for another name, or from an authority that "
        "is not trusted here: correct the address or this machine's clock, exempt Klaviyo from an inspecting proxy, or "
        "trust the proxy's authority with REQUESTS_CA_BUNDLE. Then release.",
    )


def redirected() -> HoldNeeded:
    """Return the hold for a base URL that redirects; following it would send the key to any host that it names."""
    return HoldNeeded(
        "connection", "redirected", "Correct Klaviyo's base URL: it redirects, and Ferry does not follow. Then release."
    )
