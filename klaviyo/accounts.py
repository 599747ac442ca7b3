"""The account behind a key: the cheapest question that shows whether the key works."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from klaviyo.calls import Caller, shape
from klaviyo.endpoints import ACCOUNTS, BULK_IMPORT, LISTS, PROFILES
from klaviyo.errors import NotAccepted
from klaviyo.lookups import query
from klaviyo.outcomes import UNEXPECTED, HoldNeeded, Retry

_FIELDS = "test_account,contact_information.organization_name"
#: An import of nobody.
NOBODY = b'{"data":{"type":"profile-bulk-import-job","attributes":{"profiles":{"data":[]}}}}'


@dataclass(frozen=True, slots=True)
class KlaviyoAccount:
    """`id`: the public key; `test_account`: Klaviyo's only sandbox; `name`: of the organisation it belongs to.

    None if the key may not know.
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
    """The key's account. A key without `accounts:read` is tried on a list instead. Raises NotAccepted.

    Klaviyo allows 15 of these a minute.
    """
    told = told_account(call)
    if told is None:
        call(LISTS, query=query({"page[size]": "1"}))
        return KlaviyoAccount(None, None)
    return told


def told_account(call: Caller) -> KlaviyoAccount | None:
    """The key's account; None when the key may not read it. Raises NotAccepted."""
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
    """Try everything that Ferry needs the key for. Raises NotAccepted where Klaviyo refuses it, or gives no verdict.

    An import of nobody shows the right to write: what is wrong with it is told to those only who have the right.
    """
    call(LISTS, query=query({"page[size]": "1", "fields[list]": "created"}))
    call(PROFILES, query=query({"page[size]": "1", "fields[profile]": "created"}))
    try:
        call(BULK_IMPORT, body=NOBODY)
    except NotAccepted as refusal:
        if isinstance(refusal.outcome, HoldNeeded | Retry):
            raise
