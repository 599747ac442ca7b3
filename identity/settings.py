"""How a connection tells people apart, as it is set up in connections.toml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from identity.blocked import DEFAULT, Blocked
from identity.identifiers import EXTERNAL_ID, OWN, Identifiers, Named

#: `verified`: a second identifier is sent when it is known to be free or the person's own. `email_only`: one identifier
#: a person. `trust_cdp`: all that the CDP knows.
Mode = Literal["verified", "email_only", "trust_cdp"]
Proof = Literal["all", "sample", "off"]
#: What becomes of the old e-mail when one of the CDP's ids has a new one.
EmailChange = Literal["move", "keep"]


@dataclass(frozen=True, slots=True)
class Policy:
    """`email_change`: None: `move` for mParticle's mpids and Segment's user ids, `keep` elsewhere.

    `phone_wins`: the CDP's phone replaces another one of the profile that has consent. `shared_after`: current e-mails
    that may have one identifier.
    """

    identifiers: Mode = "verified"
    prove: Proof = "all"
    email_change: EmailChange | None = None
    phone_wins: bool = False
    blocked: Blocked = DEFAULT
    shared_after: int = 3

    def moving(self, who: Identifiers, source: str) -> frozenset[Named]:
        """Those of the identifiers of a change from that source that have one e-mail at a time."""
        if self.email_change == "keep":
            return frozenset()
        kinds: tuple[str, ...] = OWN
        if self.email_change == "move" or (source == "segment" and who.value("user_id") == who.value(EXTERNAL_ID)):
            kinds = (*OWN, EXTERNAL_ID)
        return frozenset(named for named in who.named if named[0] in kinds)
