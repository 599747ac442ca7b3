"""How a connection tells people apart, as it is set up in connections.toml.

When somebody counts as on the list, and what follows when they are not there (rule 7 of `identity`). Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

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


#: Seconds after a look that missed somebody until the next one: Klaviyo gives no promise how soon a member is shown.
DELAYS_S: Final = (30.0, 300.0)
#: People looked for where a sample is enough: one request.
SAMPLE: Final = 100


def next_look_s(tries: int) -> float | None:
    """Seconds until it is looked again after `tries` looks; None when there were enough."""
    return DELAYS_S[tries - 1] if tries <= len(DELAYS_S) else None
