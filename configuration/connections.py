"""Connections: one Klaviyo account each, with its mapping rules, flush policy and audiences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from identity.sending import Policy
from mappings.account_settings import Channel
from mappings.columns import ColumnSettings
from mappings.rules import Rules
from mappings.segment.actions import Action
from mappings.segment.settings import DEFAULTS
from queues.policy import OF_KIND, FlushPolicy

DEFAULT = "default"
#: Connections made for mParticle accounts that no connection names: `mparticle-<account id>`.
OF_ACCOUNT = re.compile(r"mparticle-\d+")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
#: The rule of `is_name`, for messages.
NAMES = "a name has up to 40 lower-case letters, digits, - and _, and is not mparticle-<number>"


def is_name(text: str) -> bool:
    """Return whether users may give this name to a connection."""
    return _NAME.fullmatch(text) is not None and OF_ACCOUNT.fullmatch(text) is None


class UnknownConnection(LookupError):
    """No connection has that name."""


@dataclass(frozen=True, slots=True)
class AudienceSettings:
    """The settings of one audience in connections.toml; None: the connection's setting applies.

    `columns`: Klaviyo's name, or that of a property -> the column of a snapshot that has it. `reconcile`: the list is
    compared with the membership ledger every day. `reconcile_repair`: and made equal to it. `max_removal_percent`: set
    by a query of the audience.
    """

    list_id: str | None = None
    list_name: str | None = None
    policy: FlushPolicy | None = None
    shared_list: bool | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    null_values: tuple[str, ...] | None = None
    reconcile: bool = False
    reconcile_repair: bool = False
    max_removal_percent: int | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """One Klaviyo account and how people are sent to it. `audiences`: by the CDP's audience id.

    `policies`: flush policies by kind of queue; other kinds follow `policy`. `allow_global_unsubscribe`: an unsubscribe
    without a list unsubscribes the person from everything; otherwise it becomes a dead letter. `consent_mapping`:
    consent purpose -> channel, for audiences without their own. `consent_removal`: a withdrawn consent unsubscribes the
    person. `actions`: for Segment's messages. `full_profile`: snapshots send every attribute, otherwise only
    `default_attributes`. `max_removal_percent`: a snapshot that would remove more of a list is held for a person to
    check. `identity`: how people are distinguished. `shared_list`: audiences may use a list that another one maintains.
    `null_values`: values that mean nothing in a snapshot, compared without case.
    """

    name: str
    api_key: str | None = field(default=None, repr=False)
    rules: Rules = field(default_factory=Rules)
    policy: FlushPolicy = field(default_factory=FlushPolicy)
    policies: Mapping[str, FlushPolicy] = field(default_factory=lambda: OF_KIND)
    allow_global_unsubscribe: bool = False
    consent_mapping: Mapping[str, Channel] = field(default_factory=dict)
    consent_removal: bool = False
    mparticle_account: int | None = None
    audiences: Mapping[str, AudienceSettings] = field(default_factory=dict)
    actions: tuple[Action, ...] = field(default=DEFAULTS, repr=False)
    full_profile: bool = False
    default_attributes: tuple[str, ...] = ()
    max_removal_percent: int = 30
    shared_list: bool = False
    identity: Policy = field(default_factory=Policy)
    null_values: tuple[str, ...] = ()

    def columns_of(self, target: str) -> ColumnSettings:
        """Return how the columns of an audience's snapshots are read."""
        own = self.audiences.get(target, AudienceSettings())
        nulls = self.null_values if own.null_values is None else own.null_values
        return ColumnSettings(own.columns, frozenset(each.strip().casefold() for each in nulls))

    def removal_limit(self, target: str) -> int:
        """Return the percentage of an audience's list that a snapshot may remove without being held."""
        own = self.audiences.get(target)
        return self.max_removal_percent if own is None or own.max_removal_percent is None else own.max_removal_percent

    def may_share(self, target: str) -> bool:
        """Return whether an audience may use a list that another one maintains."""
        own = self.audiences.get(target)
        return self.shared_list if own is None or own.shared_list is None else own.shared_list

    def policy_for(self, kind: str, target: str) -> FlushPolicy:
        """Return the flush policy of one queue."""
        own = self.audiences.get(target) if kind == "audience" else None
        return (own and own.policy) or self.policies.get(kind, self.policy)


class Connections:
    """All connections of an installation; `default` always exists.

    `complete`: False while there may be added connections that this process has not looked up yet.
    """

    def __init__(self, by_name: Mapping[str, Connection]) -> None:
        self.complete = True
        self._by_name = dict(by_name)
        self._added: dict[str, Connection] = {}
        self._by_account = {c.mparticle_account: c for c in by_name.values() if c.mparticle_account is not None}

    def __iter__(self) -> Iterator[Connection]:
        return iter([*self._by_name.values(), *self._added.values()])

    def include(self, names: Iterable[str]) -> None:
        """Set the connections added at run time, replacing earlier ones; configured connections stay unchanged.

        Each gets the settings of `default`, without its key and its lists, which belong to another account.
        """
        self._added = {
            name: replace(self._by_name[DEFAULT], name=name, api_key=None, mparticle_account=None, audiences={})
            for name in names
            if name not in self._by_name
        }
        self.complete = True

    def named(self, name: str) -> Connection:
        """Return the connection of that name. Raises UnknownConnection."""
        if found := self._by_name.get(name) or self._added.get(name):
            return found
        if OF_ACCOUNT.fullmatch(name):
            return replace(self._by_name[DEFAULT], name=name, mparticle_account=None)
        known = sorted(self._by_name.keys() | self._added.keys())
        raise UnknownConnection(f"there is no connection {name!r}; known: {', '.join(known)}")

    def for_mparticle(self, account_id: int | None) -> Connection:
        """Return the connection of an mParticle account: the one that names it, else a separate one like `default`.

        It is separate from the start, so that a queue keeps its name when the account's settings arrive later.
        """
        if account_id is None:
            return self._by_name[DEFAULT]
        return self._by_account.get(account_id) or self.named(f"mparticle-{account_id}")
