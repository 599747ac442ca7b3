"""Single profiles, their lists and segments, and their deletion: /api/profiles, /api/profile-import and
/api/data-privacy-deletion-jobs."""

from __future__ import annotations

from collections.abc import Mapping

from emulator import documents
from emulator.errors import bad_payload, duplicate_profile, not_found
from emulator.jsonapi import Call, Json, identifier
from emulator.paging import page
from emulator.profiles import ClashError, Profile, UnknownProfileError
from emulator.work import Erasure


def _profile_of(call: Call) -> Profile:
    """Return the profile that the path names; raises `ApiError` 404."""
    found = call.world.profiles.by_id.get(call.subject)
    if found is None:
        raise not_found(f"A profile with id {call.subject} does not exist.")
    return found


def _upsert(call: Call) -> tuple[Profile, bool]:
    """Create or update a profile; a null clears a value. Raises `ApiError` 404 and 409."""
    try:
        return call.world.people.upsert(call.data, call.now, clear_nulls=True)
    except ClashError as clash:
        raise duplicate_profile(clash.owner_id) from None
    except UnknownProfileError:
        raise not_found(f"A profile with id {call.data['id']} does not exist.") from None


def get_profiles(call: Call) -> None:
    """Return a page of profiles, by default in the order of their ids."""
    found = call.world.profiles.select(call.query.clauses)
    field = call.query.sort or "id"

    def position(person: Profile) -> tuple[str, str]:
        return next(filter(None, person.values(field)), ""), person.id

    if field != "id":
        found.sort(key=position)
    shown = page(found, position, call.query)
    linked: Json = {name: [] for name in call.query.include}
    call.send_page([documents.profile(call, person, linked=linked) for person in shown.items], shown.cursor)


def create_profile(call: Call) -> None:
    """Create a person; 409 if an identifier is taken."""
    try:
        person = call.world.profiles.create(call.data, call.now)
    except ClashError as clash:
        raise duplicate_profile(clash.owner_id) from None
    call.send_one(201, documents.profile(call, person))


def get_profile(call: Call) -> None:
    """Return the profile, with its lists if they are included."""
    person = _profile_of(call)
    lists = call.world.lists.of_profile(person.id) if "lists" in call.query.include else []
    linked: Json = {name: [] for name in call.query.include}
    linked |= {"lists": [identifier("list", item.id) for item in lists]} if "lists" in linked else {}
    document = documents.profile(call, person, linked=linked)
    call.send_one(200, document, [documents.mailing_list(call, item) for item in lists])


def update_profile(call: Call) -> None:
    """Update the profile; the body must repeat the id of the path."""
    if call.data["id"] != call.subject:
        raise bad_payload("/data/id")
    call.send_one(200, documents.profile(call, _upsert(call)[0]))


def create_or_update_profile(call: Call) -> None:
    """Respond with 201 for a new person, 200 for a known one."""
    person, created = _upsert(call)
    call.send_one(201 if created else 200, documents.profile(call, person))


def get_lists_for_profile(call: Call) -> None:
    """Return all lists of the profile."""
    lists = call.world.lists.of_profile(_profile_of(call).id)
    call.send_page([documents.mailing_list(call, item) for item in lists])


def get_list_ids_for_profile(call: Call) -> None:
    """Return the ids of all lists of the profile."""
    lists = call.world.lists.of_profile(_profile_of(call).id)
    call.send_page([identifier("list", item.id) for item in lists])


def get_segments_for_profile(call: Call) -> None:
    """Return no segments: the emulator has none."""
    _profile_of(call)
    call.send_page([])


get_segment_ids_for_profile = get_segments_for_profile


def request_profile_deletion(call: Call) -> None:
    """Accept the deletion of a known person; 404 for an unknown one."""
    field, value = _identifier(call.data["attributes"]["profile"]["data"])
    person = call.world.profiles.find(field, value)
    if person is None:
        raise not_found(f'No profile with {field} "{value}" found.  The profile may have already been deleted.')
    call.world.jobs.accept(Erasure(created=call.now, profile_id=person.id))
    call.world.catch_up()
    call.send_nothing(202)


def _identifier(profile: Mapping[str, Json]) -> tuple[str, str]:
    given = {"id": profile.get("id"), **profile["attributes"]}
    ((field, value),) = ((name, value) for name, value in given.items() if value is not None)
    return field, str(value)
