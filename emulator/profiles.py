"""The people of the account, found by id, e-mail address, phone number, external id, `_kx` or anonymous id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from emulator import filters
from emulator.consents import Consents
from emulator.ids import ProfileIds
from emulator.merge import merge, merge_part, patch
from emulator.times import stamp

IDENTIFIERS = ("email", "phone_number", "external_id", "_kx", "anonymous_id")


class Profile(msgspec.Struct, gc=False):
    """One person; times in epoch seconds, unset attributes and consents absent. Data only: no cycle to collect."""

    id: str
    created: float
    updated: float
    attributes: dict[str, Any]
    location: dict[str, Any]
    properties: dict[str, Any]
    consents: Consents | None = None
    last_event: int | None = None

    def consent(self) -> Consents:
        """The consents, to be changed."""
        if self.consents is None:
            self.consents = Consents()
        return self.consents

    def value(self, field: str) -> str | None:
        """The value a filter or a sort compares."""
        if field == "id":
            return self.id
        if field in ("created", "updated"):
            return stamp(self.created if field == "created" else self.updated)
        return self.attributes.get(field)


class ClashError(Exception):
    """The identifiers belong to two profiles: `field` is the one that belongs to the profile `owner_id`."""

    def __init__(self, field: str, owner_id: str) -> None:
        super().__init__(field)
        self.field = field
        self.owner_id = owner_id


class UnknownProfileError(Exception):
    """No profile has the id that was given."""


class Profiles:
    """All profiles, in the order of their ids, which is the order of their creation."""

    def __init__(self) -> None:
        self.by_id: dict[str, Profile] = {}
        self._ids = ProfileIds()
        self._index: dict[str, dict[str, Profile]] = {field: {} for field in IDENTIFIERS}

    def find(self, field: str, value: str) -> Profile | None:
        """The profile with this `id` or identifier; e-mail addresses match without regard to case."""
        if field == "id":
            return self.by_id.get(value)
        return self._index[field].get(_key(field, value))

    def select(self, clauses: list[filters.Clause]) -> list[Profile]:
        """The profiles that satisfy all clauses, in the order of their ids."""
        exact = next((c for c in clauses if c.operator in filters.TEXT and c.field in ("id", *IDENTIFIERS)), None)
        if exact is None:
            candidates = list(self.by_id.values())
        else:
            found = (self.find(exact.field, value) for value in exact.values)
            candidates = sorted({p.id: p for p in found if p is not None}.values(), key=lambda p: p.id)
        for clause in clauses:
            candidates = [p for p in candidates if filters.holds(clause, p.value(clause.field))]
        return candidates

    def upsert(self, row: Mapping[str, Any], now: float, *, clear_nulls: bool) -> tuple[Profile, bool]:
        """Write a checked profile object by its id, else by its identifiers; True: it is a new profile.

        Raises `UnknownProfileError` for an id nobody has and `ClashError`; nothing is written then.
        """
        owners = self._owners(row["attributes"])
        if row.get("id"):
            target = self.by_id.get(row["id"])
            if target is None:
                raise UnknownProfileError
        else:
            target = next(iter(owners.values()), None)
        for field, owner in owners.items():
            if target is not None and owner is not target:
                raise ClashError(field, owner.id)
        profile = target or self._new(now)
        self._write(profile, row, now, clear_nulls)
        return profile, target is None

    def create(self, row: Mapping[str, Any], now: float) -> Profile:
        """A new profile; raises `ClashError` if any identifier is taken."""
        for field, owner in self._owners(row["attributes"]).items():
            raise ClashError(field, owner.id)
        return self.upsert(row, now, clear_nulls=True)[0]

    def delete(self, profile: Profile) -> None:
        """Forget a person, identifiers and all."""
        del self.by_id[profile.id]
        before = {field: profile.attributes.pop(field, None) for field in IDENTIFIERS}
        self._reindex(profile, before)

    def _owners(self, attributes: Mapping[str, Any]) -> dict[str, Profile]:
        named = [(field, attributes[field]) for field in IDENTIFIERS if attributes.get(field)]
        found = [(field, self._index[field].get(_key(field, value))) for field, value in named]
        return {field: owner for field, owner in found if owner is not None}

    def _new(self, now: float) -> Profile:
        profile = Profile(self._ids.next(now), now, now, {}, {}, {})
        self.by_id[profile.id] = profile
        return profile

    def _write(self, profile: Profile, row: Mapping[str, Any], now: float, clear_nulls: bool) -> None:
        incoming = dict(row["attributes"])
        location, properties = incoming.pop("location", {}), incoming.pop("properties", {})
        before = {field: profile.attributes.get(field) for field in IDENTIFIERS}
        merge(profile.attributes, incoming, clear_nulls=clear_nulls)
        self._reindex(profile, before)
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
