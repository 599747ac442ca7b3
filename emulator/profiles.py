"""The people of the account, found by id, e-mail address, phone number, external id, `_kx` or anonymous id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from emulator import filters
from emulator.consents import Consents
from emulator.ids import ProfileIds
from emulator.merge import merge, merge_part, patch
from emulator.times import stamp

#: By rank, highest first; a profile's own id ranks above all of them (Klaviyo: understanding identity resolution).
IDENTIFIERS = ("external_id", "email", "phone_number", "_kx", "anonymous_id")
#: The e-mails of one profile, including the primary one (Klaviyo: multi-email profiles).
MAX_EMAILS = 5
_SUPPRESSED = "subscriptions.email.marketing."
_TEXT = ("equals", "any")


class Profile(msgspec.Struct, gc=False):
    """One person; times in epoch seconds, unset attributes and consents absent. Data only, so without cycles.

    `secondary_emails`: further addresses, the least recently used first; the primary one is among the attributes.
    """

    id: str
    created: float
    updated: float
    attributes: dict[str, Any]
    location: dict[str, Any]
    properties: dict[str, Any]
    consents: Consents | None = None
    last_event: int | None = None
    secondary_emails: tuple[str, ...] = ()

    def consent(self) -> Consents:
        """Return the consents, to be changed."""
        if self.consents is None:
            self.consents = Consents()
        return self.consents

    def value(self, field: str) -> str | None:
        """Return the value that a sort compares."""
        if field == "id":
            return self.id
        if field in ("created", "updated"):
            return stamp(self.created if field == "created" else self.updated)
        return self.attributes.get(field)

    def values(self, field: str) -> tuple[str | None, ...]:
        """Return the values that a filter compares: a person is found by every address, but shows only the primary."""
        if field.startswith(_SUPPRESSED):
            return self._suppressions(field.removeprefix(_SUPPRESSED))
        return (self.value(field), *self.secondary_emails) if field == "email" else (self.value(field),)

    def _suppressions(self, field: str) -> tuple[str, ...]:
        """Return the values of `suppression.reason` and the like."""
        consents = self.consents or Consents()
        whole, part = field.split(".")
        since = consents.suppressions if whole == "suppression" else consents.list_suppressions
        if part == "timestamp":
            return tuple(stamp(moment) for moment in since.values())
        return tuple("UNSUBSCRIBE" for _ in since) if (whole, part) == ("list_suppressions", "reason") else tuple(since)


class ClashError(Exception):
    """The identifiers belong to two profiles; `field`: the identifier that belongs to the profile `owner_id`."""

    def __init__(self, field: str, owner_id: str) -> None:
        super().__init__(field)
        self.field = field
        self.owner_id = owner_id


class UnknownProfileError(Exception):
    """No profile has the given id."""


class Profiles:
    """All profiles, in the order of their ids, which is the order of creation."""

    def __init__(self) -> None:
        self.by_id: dict[str, Profile] = {}
        self._ids = ProfileIds()
        self._index: dict[str, dict[str, Profile]] = {field: {} for field in IDENTIFIERS}

    def find(self, field: str, value: str) -> Profile | None:
        """Return the profile with this `id` or identifier; e-mail addresses match without case."""
        if field == "id":
            return self.by_id.get(value)
        return self._index[field].get(_key(field, value))

    def select(self, clauses: Sequence[filters.Clause]) -> list[Profile]:
        """Return the profiles that satisfy all clauses, in the order of their ids."""
        exact = next((c for c in clauses if c.operator in _TEXT and c.field in ("id", *IDENTIFIERS)), None)
        if exact is None:
            candidates = list(self.by_id.values())
        else:
            found = (self.find(exact.field, value) for value in exact.values)
            candidates = sorted({p.id: p for p in found if p is not None}.values(), key=lambda p: p.id)
        for clause in (each for each in clauses if each is not exact):
            candidates = [p for p in candidates if any(filters.holds(clause, v) for v in p.values(clause.field))]
        return candidates

    def owners(self, row: Mapping[str, Any]) -> list[tuple[str, Profile]]:
        """Return (identifier, owner) for each identifier of a row that belongs to a profile, including `id`, by rank.

        Raises `UnknownProfileError` for an unknown id.
        """
        attributes = row["attributes"]
        given = [("id", row.get("id")), *((field, attributes.get(field)) for field in IDENTIFIERS)]
        found = [(field, self.find(field, value)) for field, value in given if value]
        if ("id", None) in found:
            raise UnknownProfileError
        return [(field, owner) for field, owner in found if owner is not None]

    def upsert(self, row: Mapping[str, Any], now: float, *, clear_nulls: bool) -> tuple[Profile, bool]:
        """Write a checked profile object to the owner of its highest-ranked identifier; return it, True if it is new.

        Raises `UnknownProfileError` for an unknown id, and `ClashError`; then nothing is written.
        """
        owners = self.owners(row)
        for field, owner in owners:
            if owner is not owners[0][1]:
                raise ClashError(field, owner.id)
        profile = owners[0][1] if owners else self._new(now)
        self._write(profile, row, now, clear_nulls)
        return profile, not owners

    def create(self, row: Mapping[str, Any], now: float) -> Profile:
        """Create a profile; raises `ClashError` if any identifier is taken."""
        for field, owner in self.owners(row):
            raise ClashError(field, owner.id)
        return self.upsert(row, now, clear_nulls=True)[0]

    def delete(self, profile: Profile) -> None:
        """Delete a person and their identifiers."""
        del self.by_id[profile.id]
        for field in IDENTIFIERS:
            for value in profile.values(field):
                self._index[field].pop(_key(field, value or ""), None)

    def release(self, profile: Profile, field: str, value: str) -> None:
        """Remove an identifier from its profile."""
        key = _key(field, value)
        del self._index[field][key]
        if field == "email":
            profile.secondary_emails = _without(profile.secondary_emails, value)
        if _key(field, profile.attributes.get(field) or "") == key:
            del profile.attributes[field]
        _choose_primary(profile)

    def append_email(self, profile: Profile, email: str) -> None:
        """Make a free address the latest secondary one; the oldest is removed if there are too many."""
        emails = (*_without(profile.secondary_emails, email), email)
        profile.secondary_emails = emails[1 - MAX_EMAILS :]
        for dropped in emails[: 1 - MAX_EMAILS]:
            del self._index["email"][_key("email", dropped)]
        self._index["email"][_key("email", email)] = profile

    def _new(self, now: float) -> Profile:
        profile = Profile(self._ids.next(now), now, now, {}, {}, {})
        self.by_id[profile.id] = profile
        return profile

    def _write(self, profile: Profile, row: Mapping[str, Any], now: float, clear_nulls: bool) -> None:
        incoming = dict(row["attributes"])
        location, properties = incoming.pop("location", {}), incoming.pop("properties", {})
        email = incoming.get("email")
        if email and _without(profile.secondary_emails, email) != profile.secondary_emails:
            self.append_email(profile, incoming.pop("email"))
        before = {field: profile.attributes.get(field) for field in IDENTIFIERS}
        merge(profile.attributes, incoming, clear_nulls=clear_nulls)
        self._reindex(profile, before)
        _choose_primary(profile)
        merge_part(profile.location, location, clear_nulls)
        merge_part(profile.properties, properties, clear_nulls)
        patch(profile.properties, (row.get("meta") or {}).get("patch_properties") or {})
        profile.updated = now

    def _reindex(self, profile: Profile, before: Mapping[str, str | None]) -> None:
        for field, old in before.items():
            new = profile.attributes.get(field)
            if new != old:
                if old:
                    self._index[field].pop(_key(field, old), None)
                if new:
                    self._index[field][_key(field, new)] = profile


def _key(field: str, value: str) -> str:
    return value.lower() if field == "email" else value


def _without(emails: tuple[str, ...], email: str) -> tuple[str, ...]:
    return tuple(kept for kept in emails if kept.lower() != email.lower())


def _choose_primary(profile: Profile) -> None:
    """Replace a missing primary address by the latest secondary one; which one Klaviyo chooses is not documented."""
    if profile.secondary_emails and not profile.attributes.get("email"):
        *others, profile.attributes["email"] = profile.secondary_emails
        profile.secondary_emails = tuple(others)
