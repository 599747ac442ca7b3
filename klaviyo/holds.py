"""Every reason for which the client asks to stop and wait for an operator, with what resolves it."""

from __future__ import annotations

from klaviyo.endpoints import Endpoint
from klaviyo.outcomes import HoldNeeded
from klaviyo.revision import REVISION


def bad_key(error_id: str) -> HoldNeeded:
    """The key is not, or no longer, one of an account."""
    return HoldNeeded(
        "connection",
        "unauthenticated",
        "Give the connection a valid private key (pk_...), then release it.",
        error_id,
    )


def forbidden(endpoint: Endpoint, error_id: str) -> HoldNeeded:
    """The key lacks a scope, or the account a feature. One that only some need stops nobody else."""
    return HoldNeeded(
        "queue" if endpoint.scope else "connection",
        "forbidden",
        f"Klaviyo refuses {endpoint.name} to this key. A key cannot be widened: create one with the scopes that "
        f"the README lists{f', {endpoint.scope} among them' if endpoint.scope else ''}, then release.",
        error_id,
    )


def list_gone(error_id: str) -> HoldNeeded:
    """The list was deleted in Klaviyo, or never existed in this account."""
    return HoldNeeded("list", "list_gone", "Restore the list in Klaviyo or name another one, then release.", error_id)


def list_refused(error_id: str) -> HoldNeeded:
    """Klaviyo does not accept the list's name or id, or the account has all the lists it may have."""
    return HoldNeeded(
        "list",
        "list_refused",
        "Check the list's name or id, and that the account has fewer than 1,000 lists and segments; then release.",
        error_id,
    )


def revision(endpoint: str, error_id: str) -> HoldNeeded:
    """The operation does not exist: a retired revision, or a base URL that is not Klaviyo's."""
    return HoldNeeded(
        "connection",
        "revision",
        f"Klaviyo does not know {endpoint} at this base URL and revision: correct them, then release.",
        error_id,
    )


def contract(endpoint: str, status: int, error_id: str) -> HoldNeeded:
    """Klaviyo refuses the form of the request, not its content."""
    return HoldNeeded(
        "connection",
        "contract",
        f"Klaviyo refuses the form of {endpoint} at revision {REVISION} with status {status}: read the API's "
        "changelog, update Ferry, then release.",
        error_id,
    )


def certificate_refused() -> HoldNeeded:
    """Whoever answers at the base URL does not prove to be Klaviyo; the key and the people stay here."""
    return HoldNeeded(
        "connection",
        "certificate_refused",
        "Whoever answers at KLAVIYO_BASE_URL shows a certificate that is expired, for another name, or vouched for by "
        "nobody trusted here: correct the address or this machine's clock, let a filter in between pass it, or trust "
        "that with REQUESTS_CA_BUNDLE. Then release.",
    )


def redirected() -> HoldNeeded:
    """The base URL answers with a redirect; following it would hand the key to whatever host it names."""
    return HoldNeeded(
        "connection", "redirected", "Correct Klaviyo's base URL: Ferry follows no redirect. Then release."
    )
