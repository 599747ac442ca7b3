"""The account of a key, and what the key may do.

Reading the account is the cheapest request that shows whether the key works. The rights are found by trying, because
Klaviyo has no request that shows the scopes of a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from klaviyo.calls import Caller, shape
from klaviyo.endpoints import (
    ACCOUNTS,
    BULK_EVENTS,
    BULK_IMPORT,
    CREATE_LIST,
    DELETION,
    LISTS,
    PROFILES,
    SUBSCRIBE,
    Endpoint,
)
from klaviyo.errors import NotAccepted
from klaviyo.lookups import query
from klaviyo.outcomes import UNEXPECTED, HoldNeeded, Retry

_FIELDS = "test_account,contact_information.organization_name"
#: An import without people.
NOBODY = b'{"data":{"type":"profile-bulk-import-job","attributes":{"profiles":{"data":[]}}}}'
#: Without these nothing can be delivered (Klaviyo: bulk import profiles, get lists, remove profiles from list).
NEEDED: Final = ("lists:read", "lists:write", "profiles:read", "profiles:write")
# Requests that cannot succeed, because they name no list and nobody: Klaviyo reports what is wrong with them only to
# keys that have the right.
_NAMELESS: Final = b'{"data":{"type":"list","attributes":{}}}'
_NO_CONSENT: Final = b'{"data":{"type":"profile-subscription-bulk-create-job","attributes":{"profiles":{"data":[]}}}}'
_NO_EVENT: Final = b'{"data":{"type":"event-bulk-create-job","attributes":{"events-bulk-create":{"data":[]}}}}'
_NO_DELETION: Final = (
    b'{"data":{"type":"data-privacy-deletion-job","attributes":{"profile":{"data":{"type":"profile","attributes":{}}}}}'
    b"}"
)


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
    account = _account(call)
    if account is None:
        call(LISTS, query=query({"page[size]": "1"}))
        return KlaviyoAccount(None, None)
    return account


def _account(call: Caller) -> KlaviyoAccount | None:
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


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of a key.

    `scopes`: whether it has each scope that Ferry uses, by Klaviyo's name; None when another missing scope hides it.
    """

    account: KlaviyoAccount
    scopes: Mapping[str, bool | None] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """The scopes that the key lacks or may lack."""
        return [scope for scope, has in self.scopes.items() if not has]

    @property
    def delivers(self) -> bool:
        """Whether the key can put people on lists."""
        return not set(NEEDED) & set(self.missing)


def read_rights(call: Caller) -> Rights:
    """Try every right; nothing is written. Raises NotAccepted when Klaviyo does not know the key or gives no answer."""
    account = _account(call)
    lists = _may(call, CREATE_LIST, body=_NAMELESS)
    imports = _may(call, BULK_IMPORT, body=NOBODY)
    scopes = {
        "accounts:read": account is not None,
        "lists:read": _may(call, LISTS, query({"page[size]": "1", "fields[list]": "created"})),
        "lists:write": lists,
        "profiles:read": _may(call, PROFILES, query({"page[size]": "1", "fields[profile]": "created"})),
        # An import needs both write scopes.
        "profiles:write": imports if lists else None,
        "subscriptions:write": _may(call, SUBSCRIBE, body=_NO_CONSENT) if imports else None,
        "events:write": _may(call, BULK_EVENTS, body=_NO_EVENT),
        "data-privacy:write": _may(call, DELETION, body=_NO_DELETION),
    }
    return Rights(account or KlaviyoAccount(None, None), scopes)


def _may(call: Caller, endpoint: Endpoint, query: str = "", body: bytes | None = None) -> bool:
    try:
        call(endpoint, query=query, body=body)
    except NotAccepted as refusal:
        outcome = refusal.outcome
        if isinstance(outcome, HoldNeeded) and outcome.reason == "forbidden":
            return False
        # The list without a name is refused as a list, which shows the right.
        if isinstance(outcome, Retry) or (isinstance(outcome, HoldNeeded) and outcome.scope != "list"):
            raise
    return True
