"""The account of a key: reading it is the cheapest request that shows whether the key works."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from klaviyo.calls import Caller, shape
from klaviyo.endpoints import ACCOUNTS, BULK_IMPORT, LISTS, PROFILES
from klaviyo.errors import NotAccepted
from klaviyo.lookups import query
from klaviyo.outcomes import UNEXPECTED, HoldNeeded, Retry

_FIELDS = "test_account,contact_information.organization_name"
#: An import without people.
NOBODY = b'{"data":{"type":"profile-bulk-import-job","attributes":{"profiles":{"data":[]}}}}'


@dataclass(frozen=True, slots=True)
class KlaviyoAccount:
    """The account of a key.

    `id`: the public key; `test_account`: whether it is a test account, Klaviyo's only sandbox; `name`: its
    organisation. A field is None when the key may not read it.
    """

    id: str | None
    test_account: bool | None
    name: str | None = None


class _Contact(msgspec.Struct, frozen=True):
    organization_name: str | None = None


class _Attributes(msgspec.Struct, frozen=True):
    test_account: bool | None = None
    contact_information: _Contact | None = None


class _Account(msgspec.Struct, frozen=True):
    id: str
    attributes: _Attributes = _Attributes()


class _Document(msgspec.Struct, frozen=True):
    data: list[_Account]


def read_account(call: Caller) -> KlaviyoAccount:
    """Return the key's account. A key without `accounts:read` is tested by reading a list. Raises NotAccepted.

    Klaviyo allows 15 of these requests a minute.
    """
    account = told_account(call)
    if account is None:
        call(LISTS, query=query({"page[size]": "1"}))
        return KlaviyoAccount(None, None)
    return account


def told_account(call: Caller) -> KlaviyoAccount | None:
    """Return the key's account, or None when the key may not read it. Raises NotAccepted."""
    try:
        document = call(ACCOUNTS, query=query({"fields[account]": _FIELDS}))
    except NotAccepted as refusal:
        if isinstance(refusal.outcome, HoldNeeded) and refusal.outcome.reason == "forbidden":
            return None
        raise
    accounts = shape(ACCOUNTS, document, _Document).data
    if len(accounts) != 1:
        raise NotAccepted(ACCOUNTS.name, UNEXPECTED)
    found = accounts[0].attributes
    contact = found.contact_information or _Contact()
    return KlaviyoAccount(accounts[0].id, found.test_account, contact.organization_name)


def check_rights(call: Caller) -> None:
    """Try every right that Ferry needs. Raises NotAccepted when Klaviyo refuses one or gives no clear answer.

    An import without people tests the right to write: Klaviyo reports what is wrong with it only to keys that have the
    right.
    """
    call(LISTS, query=query({"page[size]": "1", "fields[list]": "created"}))
    call(PROFILES, query=query({"page[size]": "1", "fields[profile]": "created"}))
    try:
        call(BULK_IMPORT, body=NOBODY)
    except NotAccepted as refusal:
        if isinstance(refusal.outcome, HoldNeeded | Retry):
            raise
