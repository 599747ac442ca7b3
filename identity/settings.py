"""The identity settings of a connection (connections.toml), and the check that people are on the list. Pure.

Rule 7 of `identity` says when people count as on the list, and what follows when they are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from identity.blocked import DEFAULT, Blocked
from identity.identifiers import EXTERNAL_ID, OWN, Identifiers, Named

#: `verified`: a second identifier is sent when it is known to be free or already the person's. `email_only`: one
#: identifier a person. `trust_cdp`: all identifiers that the CDP sends.
Mode = Literal["verified", "email_only", "trust_cdp"]
Proof = Literal["all", "sample", "off"]
#: Whether the old e-mail leaves the list when one of the CDP's ids gets a new one.
EmailChange = Literal["move", "keep"]
#: Seconds until the next look after one that missed a person: Klaviyo does not promise how soon it shows a member.
DELAYS_S: Final = (30.0, 300.0)
#: The number of people in a sample: one request.
SAMPLE: Final = 100


@dataclass(frozen=True, slots=True)
class Policy:
    """The identity settings of a connection.

    `email_change`: None means `move` for mParticle's mpids and Segment's user ids, `keep` for others. `phone_wins`: the
    CDP's phone replaces a phone of the profile that has consent. `shared_after`: how many current e-mails may have one
    identifier.
    """

    identifiers: Mode = "verified"
    prove: Proof = "all"
    email_change: EmailChange | None = None
    phone_wins: bool = False
    blocked: Blocked = DEFAULT
    shared_after: int = 3

    def moving(self, who: Identifiers, source: str) -> frozenset[Named]:
        """Return the identifiers of a change from that source that have one e-mail at a time."""
        if self.email_change == "keep":
            return frozenset()
        kinds: tuple[str, ...] = OWN
        if self.email_change == "move" or (source == "segment" and who.value("user_id") == who.value(EXTERNAL_ID)):
            kinds = (*OWN, EXTERNAL_ID)
        return frozenset(named for named in who.named if named[0] in kinds)


def next_look_s(tries: int) -> float | None:
    """Return the seconds until the next look after `tries` looks, or None when there were enough."""
    return DELAYS_S[tries - 1] if tries <= len(DELAYS_S) else None
