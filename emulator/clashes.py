"""Writes rows whose identifiers belong to two profiles, according to a switch of the account.

Klaviyo's accounts behave in three ways, and no documentation says which one applies to which account and call; a client
must be correct with each.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

from emulator.events import Events
from emulator.lists import Lists
from emulator.profiles import Profile, Profiles
from emulator.work import Row

Clash = Literal["refuse", "overwrite", "merge"]


class Identity(msgspec.Struct):
    """The switch. `multi_email`: a merged profile keeps several addresses (Klaviyo: multi-email profiles).

    They share one consent here; Klaviyo keeps one for each address.
    """

    clash: Clash = "refuse"
    multi_email: bool = False


class People(NamedTuple):
    """The profiles of the account, with the lists and events that follow a profile when it is merged into another."""

    profiles: Profiles
    lists: Lists
    events: Events
    identity: Identity

    def upsert(self, row: Row, now: float, *, clear_nulls: bool) -> tuple[Profile, bool]:
        """Write a checked profile object; return the profile and whether it is new.

        Raises `UnknownProfileError`, and `ClashError` if the switch refuses two owners; then nothing is written.
        """
        if self.identity.clash == "overwrite":
            self._overwrite(row)
        elif self.identity.clash == "merge":
            row = self._merged(row, now)
        profile, new = self.profiles.upsert(row, now, clear_nulls=clear_nulls)
        if self.identity.multi_email:
            self._append_emails(profile, (row.get("meta") or {}).get("patch_identifiers") or {})
        return profile, new

    def _append_emails(self, profile: Profile, orders: dict[str, Any]) -> None:
        """Add further addresses to a profile. Klaviyo does not document an address that another profile has, nor an
        account that keeps one address: here both have no effect."""
        for email in orders["append"]["email"] if orders and profile.attributes.get("email") else ():
            if self.profiles.find("email", email) is None:
                self.profiles.append_email(profile, email)

    def _overwrite(self, row: Row) -> None:
        """Give every identifier of the row to the highest-ranked owner."""
        owners = self.profiles.owners(row)
        for field, owner in owners:
            if owner is not owners[0][1]:
                self.profiles.release(owner, field, row["attributes"][field])

    def _merged(self, row: Row, now: float) -> Row:
        """Merge all owners into the highest-ranked one; return the row to write to it."""
        owners = self.profiles.owners(row)
        if not owners:
            return row
        field, survivor = owners[0]
        for lost in {owner.id: owner for _, owner in owners if owner is not survivor}.values():
            self._absorb(survivor, lost, now)
        email = row["attributes"].get("email")
        if not email or not survivor.attributes.get("email") or self.profiles.find("email", email) is survivor:
            return row
        if any(name == "email" for name, _ in owners):
            return {**row, "attributes": _lacking(row["attributes"], {"email": email})}
        if self.identity.multi_email and field == "external_id":
            self.profiles.append_email(survivor, email)
        return row

    def _absorb(self, survivor: Profile, lost: Profile, now: float) -> None:
        """Merge `lost` into `survivor`, whose values win; lists, events and consents are moved (Klaviyo: merge)."""
        for item in self.lists.of_profile(lost.id):
            self.lists.join(item, [survivor.id], now)
            self.lists.leave(item, [lost.id])
        self.events.move(lost.id, survivor.id, now)
        survivor.last_event = max(filter(None, (survivor.last_event, lost.last_event)), default=None)
        if lost.consents is not None:
            with_phone = not survivor.attributes.get("phone_number")
            survivor.consent().inherit(lost.consents, with_phone=with_phone)
        self.profiles.delete(lost)
        self.profiles.upsert(_inheritance(survivor, lost), now, clear_nulls=False)
        for email in (*lost.secondary_emails, lost.attributes.get("email")) if self.identity.multi_email else ():
            if email and self.profiles.find("email", email) is None:
                self.profiles.append_email(survivor, email)


def _inheritance(survivor: Profile, lost: Profile) -> Row:
    """Return the values that only the lost profile had, as a row for the survivor."""
    location, properties = _lacking(lost.location, survivor.location), _lacking(lost.properties, survivor.properties)
    attributes = {**_lacking(lost.attributes, survivor.attributes), "location": location, "properties": properties}
    return {"id": survivor.id, "attributes": attributes}


def _lacking(given: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in known}
