"""The Klaviyo client that the rest of Ferry uses: one object per connection, one method per operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from klaviyo import accounts, events, imports, list_people, lists, lookups, profiles, subscriptions
from klaviyo.accounts import KlaviyoAccount, Rights
from klaviyo.calls import Caller, Limiter
from klaviyo.http import Transport
from klaviyo.imports import ImportJob, RowFailure
from klaviyo.list_people import ListedPerson, Listing
from klaviyo.lookups import Field, FoundProfile, ProfileField
from klaviyo.meter import UNMETERED, Meter
from klaviyo.profiles import Identifier
from klaviyo.revision import REVISION


def _nothing() -> None:
    return None


class Klaviyo:
    """A client of one account. Every method makes one or more requests and repeats none of them.

    Each request waits at most a second for the limiter, runs `before_request`, and is sent. Every method
    raises NotAccepted, whose `outcome` says what to do next, Throttled when nothing was sent for lack of a
    slot, `redis.RedisError` when the limiter cannot be asked, and what `before_request` raises.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        limiter: Limiter,
        *,
        revision: str = REVISION,
        before_request: Callable[[], None] = _nothing,
        meter: Meter = UNMETERED,
    ) -> None:
        """Create the client. Raises ValueError for a malformed key."""
        self._transport = Transport(base_url, api_key, revision)
        self._call = Caller(self._transport, limiter, before_request, meter)

    def close(self) -> None:
        """Close the kept connections."""
        self._transport.close()

    def before_each(self, before_request: Callable[[], None]) -> None:
        """Run `before_request` before every request from now on; the worker renews its lease in it."""
        self._call = self._call.with_hook(before_request)

    def import_profiles(self, rows: Sequence[bytes], list_id: str | None) -> ImportJob:
        """Start an import of encoded profiles onto a list. See `imports.upload`."""
        return imports.upload(self._call, rows, list_id)

    def import_job(self, job_id: str) -> ImportJob:
        """Return the state of an import. See `imports.read_job`."""
        return imports.read_job(self._call, job_id)

    def import_errors(self, job_id: str) -> Iterator[RowFailure]:
        """Yield the rows that an import could not take. See `imports.read_errors`."""
        return imports.read_errors(self._call, job_id)

    def find_list(self, name: str) -> str | None:
        """Return the id of the list with a name. See `lists.find_list`."""
        return lists.find_list(self._call, name)

    def create_list(self, name: str) -> str:
        """Create a list and return its id. See `lists.create_list`."""
        return lists.create_list(self._call, name)

    def delete_list(self, list_id: str) -> None:
        """Delete a list. See `lists.delete_list`."""
        lists.delete_list(self._call, list_id)

    def get_list(self, list_id: str) -> str:
        """Return the name of a list. See `lists.get_list_name`."""
        return lists.get_list_name(self._call, list_id)

    def list_profiles(self, list_id: str, cursor: str = "") -> Listing[dict[str, str | None]]:
        """List all people on a list. See `list_people.list_profiles`."""
        return list_people.list_profiles(self._call, list_id, cursor)

    def list_consents(self, list_id: str, cursor: str = "") -> Listing[ListedPerson]:
        """List all people on a list with their consents. See `list_people.list_consents`."""
        return list_people.list_consents(self._call, list_id, cursor)

    def profiles_consents(self, field: list_people.Identifier, values: Sequence[str]) -> list[ListedPerson]:
        """Return the consents of the people that Klaviyo knows. See `list_people.profiles_consents`."""
        return list_people.profiles_consents(self._call, field, values)

    def find_profiles(
        self, field: ProfileField, values: Sequence[str], *, consents: bool = False
    ) -> list[FoundProfile]:
        """Return the profiles that Klaviyo has. See `lookups.find_profiles`."""
        return lookups.find_profiles(self._call, field, values, consents=consents)

    def find_members(self, list_id: str, field: Field, values: Sequence[str]) -> list[FoundProfile]:
        """Return the profiles that are on a list. See `lookups.find_members`."""
        return lookups.find_members(self._call, list_id, field, values)

    def imported_profiles(self, job_id: str) -> Iterator[FoundProfile]:
        """Yield the profiles that an import wrote. See `lookups.imported_profiles`."""
        return lookups.imported_profiles(self._call, job_id)

    def lists_of(self, profile_id: str) -> list[str] | None:
        """Return the ids of the lists that a profile is on. See `lookups.lists_of`."""
        return lookups.lists_of(self._call, profile_id)

    def remove_members(self, list_id: str, profile_ids: Sequence[str]) -> None:
        """Take profiles off a list. See `lists.remove_members`."""
        lists.remove_members(self._call, list_id, profile_ids)

    def clear_fields(self, who: Mapping[str, str], fields: Sequence[str]) -> None:
        """Clear standard fields of one profile. See `profiles.clear_fields`."""
        profiles.clear_fields(self._call, who, fields)

    def make_known(self, identifiers: Mapping[str, str]) -> None:
        """Make sure that one profile exists. See `profiles.make_known`."""
        profiles.make_known(self._call, identifiers)

    def subscribe(
        self, rows: Sequence[bytes], list_id: str | None, custom_source: str | None, *, historical: bool
    ) -> None:
        """Record consent given. See `subscriptions.subscribe`."""
        subscriptions.subscribe(self._call, rows, list_id, custom_source, historical=historical)

    def unsubscribe(self, rows: Sequence[bytes], list_id: str | None) -> None:
        """Record consent withdrawn. See `subscriptions.unsubscribe`."""
        subscriptions.unsubscribe(self._call, rows, list_id)

    def departures(self, field: Field, values: Sequence[str], list_id: str | None) -> dict[str, datetime]:
        """Return when the people with these values left, where they did. See `subscriptions.departures`."""
        return subscriptions.departures(self._call, field, values, list_id)

    def create_events(self, rows: Sequence[bytes]) -> None:
        """Record events. See `events.create`."""
        events.create(self._call, rows)

    def delete_person(self, identifier: Identifier, value: str) -> bool:
        """Ask Klaviyo to erase a person. See `profiles.request_deletion`."""
        return profiles.request_deletion(self._call, identifier, value)

    def account(self) -> KlaviyoAccount:
        """Return the key's account. See `accounts.read_account`."""
        return accounts.read_account(self._call)

    def rights(self) -> Rights:
        """Return everything that the key may do. See `accounts.read_rights`."""
        return accounts.read_rights(self._call)

    def check_rights(self) -> None:
        """Check that the key may do all that Ferry needs. See `accounts.check_rights`."""
        accounts.check_rights(self._call)
