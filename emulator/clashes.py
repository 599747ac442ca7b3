"""Writing a row whose identifiers belong to two profiles, by a switch of the account: Klaviyo's answers differ.

No documentation says which of the three an account shows in which call; a client must be right under each.
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

    They share one consent, where Klaviyo keeps one for each address.
    """

    clash: Clash = "refuse"
    multi_email: bool = False


class People(NamedTuple):
    """The profiles of the account, and all that follows a profile when it is merged into another."""

    profiles: Profiles
    lists: Lists
    events: Events
    identity: Identity

    def upsert(self, row: Row, now: float, *, clear_nulls: bool) -> tuple[Profile, bool]:
        """Write a checked profile object; True: it is a new profile.

        Raises `UnknownProfileError`, and `ClashError` where two owners are refused; nothing is written then.
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
        """Add further addresses to one. Klaviyo says neither what becomes of one that somebody has nor what an account
        that keeps one address answers: here nothing comes of either."""
        for email in orders["append"]["email"] if orders and profile.attributes.get("email") else ():
            if self.profiles.find("email", email) is None:
                self.profiles.append_email(profile, email)

    def _overwrite(self, row: Row) -> None:
        """The highest-ranked owner gets every identifier of the row."""
        owners = self.profiles.owners(row)
        for field, owner in owners:
            if owner is not owners[0][1]:
                self.profiles.release(owner, field, row["attributes"][field])

    def _merged(self, row: Row, now: float) -> Row:
        """Merge all owners into the highest-ranked one; the row as it is to be written to that."""
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
        """What the survivor has wins; lists, events and consents of the other become its own (Klaviyo: merge)."""
        for item in self.lists.of_profile(lost.id):
            self.lists.join(item, [survivor.id], now)
            self.lists.leave(item, [lost.id])
        self.events.move(lost.id, survivor.id)
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
    """What only the other had, as a row for the survivor."""
    location, properties = _lacking(lost.location, survivor.location), _lacking(lost.properties, survivor.properties)
    attributes = {**_lacking(lost.attributes, survivor.attributes), "location": location, "properties": properties}
    return {"id": survivor.id, "attributes": attributes}


def _lacking(given: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in known}
