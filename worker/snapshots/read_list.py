"""Reads Klaviyo's list page by page into the ledger, with the identities that the membership ledger uses."""

from __future__ import annotations

from collections.abc import Mapping

from klaviyo.errors import NotAccepted
from klaviyo.list_people import Listing
from klaviyo.outcomes import HoldNeeded
from mappings.identifiers import canonical_email
from queues.snapshots import members, rosters
from queues.snapshots.rosters import Identities
from worker.snapshots.run import SnapshotRun

#: People stored at a time.
PORTION = 5_000


def read(of: SnapshotRun) -> None:
    """Store everybody on the list of `course.list_id`, from its cursor on. Raises NotAccepted, LeaseLost.

    675 pages a minute are allowed: at the limit the batch goes back, and reading continues at the cursor.
    """
    listing = of.delivery.klaviyo.list_profiles(of.course.list_id, of.course.cursor)
    more = True
    while more:
        found: list[Identities] = []
        try:
            more = _portion(listing, found)
        except NotAccepted as refusal:
            if not (isinstance(refusal.outcome, HoldNeeded) and refusal.outcome.reason == "list_gone"):
                raise
            # A deleted list has no members. The audience's own queue handles the missing list when it uploads.
            more = False
        finally:
            if found:
                rosters.add(of.delivery.redis, of.order.snapshot, found)
                of.course.cursor = listing.cursor
                of.course.portions += 1
        of.note()


def identities(profile: Mapping[str, str | None]) -> Identities:
    """Return the identities that the membership ledger may use for a person on a list, strongest first. Pure."""
    return members.identities({**profile, "email": canonical_email(profile.get("email") or "")})


def _portion(listing: Listing[dict[str, str | None]], found: list[Identities]) -> bool:
    """Add up to PORTION people to `found`; return whether there may be more."""
    for profile in listing:
        if known := identities(profile):
            found.append(known)
        if len(found) >= PORTION:
            return True
    return False
