"""Klaviyo's list beside the membership ledger: where they differ, and what the ledger becomes. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from queues.members import Bucket, Member, gone_key
from queues.rosters import Identities


class Drift(NamedTuple):
    """Members whom only one of the two knows, by identity."""

    on_the_list_only: set[str]
    in_the_ledger_only: set[str]


def drift(bucket: Bucket, listed: Collection[str]) -> Drift:
    """Where they differ."""
    return Drift({*listed} - bucket.members.keys(), bucket.members.keys() - {*listed})


def as_listed(bucket: Bucket, listed: Collection[str], newer: Collection[str]) -> Bucket:
    """The bucket of those who are on the list.

    `newer`: of whom a single change came since; the ledger knows better than the list, which was read before or after.
    """
    found = {identity: known for identity, known in bucket.members.items() if identity in listed or identity in newer}
    for identity in listed:
        left = identity in newer and gone_key(identity) in bucket.gone
        if not left:
            found.setdefault(identity, Member(0))
    return Bucket(found, bucket.gone)


def choose(identities: Identities, named: Collection[str]) -> str:
    """By which identity the ledger is to know somebody on the list: the strongest in the snapshot, else of all.

    Klaviyo may know more of a person than the snapshot says. Under the strongest of all they would be taken off the
    list that the other has just put them on.
    """
    return next((identity for identity in identities if identity in named), identities[0])
