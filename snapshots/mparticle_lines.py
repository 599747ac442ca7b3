"""Read membership changes that mParticle writes to Amazon Kinesis and Google Cloud Storage: JSON, not a snapshot.

(mParticle: Amazon Kinesis Firehose audience, Google Cloud Storage audience.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mappings import contact, values
from mappings.errors import Unfit
from mappings.identifiers import firehose_type
from snapshots.json_rows import objects
from snapshots.rows import Unreadable, Unusable

_IDENTITIES: Final = {"email": "email", "customer": "external_id"}


def changes(pieces: Iterator[bytes]) -> Iterator[dict[str, Any] | Unusable]:
    """Yield each line as a change of /v1/changes: `action`, `email`, `external_id`, `timestamp`, `audience`.

    `audience` is present when the line names it. A line without an e-mail and a customer id is Unusable, with its
    number. Raises Unreadable for a line in neither of the two forms.
    """
    for number, line in objects(pieces):
        try:
            change = _change(line)
        except (Unfit, TypeError, AttributeError) as error:
            raise Unreadable(
                f"line {number:,} is not a change of mParticle: it needs MembershipChangedTimestamp, and IsMember with "
                "UserIdentities or IsAddRequest with IdentityValues"
            ) from error
        yield change if "email" in change or "external_id" in change else Unusable(number, "identity_missing")


def _change(line: dict[str, Any]) -> dict[str, Any]:
    joins = line.get("IsMember", line.get("IsAddRequest"))
    if not isinstance(joins, bool):
        raise TypeError
    change: dict[str, Any] = {
        "action": "add" if joins else "remove",
        "timestamp": values.to_iso(line.get("MembershipChangedTimestamp")),
    }
    identities = line.get("UserIdentities", line.get("IdentityValues")) or {}
    for type_, value in identities.items():
        name = _IDENTITIES.get(firehose_type(type_) or "")
        if name and (text := contact.text(value)):
            change[name] = text
    if line.get("AudienceId") is not None:
        change["audience"] = {"id": str(line["AudienceId"]), "name": line.get("AudienceName")}
    return change
