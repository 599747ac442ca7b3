"""The number of people on a list who would get a message, by channel, and why the others would not. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from klaviyo.list_people import ListedPerson
from klaviyo.marketing import Marketing

Channel = Literal["email", "sms"]
CHANNELS: Final[tuple[Channel, ...]] = ("email", "sms")
#: In the order of display. A suppressed person gets nothing, whatever the consent (Klaviyo: profiles,
#: `subscriptions.email.marketing.suppression`), so suppression is checked first.
STATES: Final = ("subscribed", "never subscribed", "unsubscribed", "suppressed", "no address", "not told")
_BY_CONSENT: Final = {
    "SUBSCRIBED": "subscribed",
    "NEVER_SUBSCRIBED": "never subscribed",
    "UNSUBSCRIBED": "unsubscribed",
}


@dataclass(slots=True)
class ChannelReach:
    """A count of people, each in one state of `STATES` per channel.

    `suppressed`: by Klaviyo's reason; a person may have several. `unknown`: not known to Klaviyo yet, so in no state.
    """

    people: int = 0
    unknown: int = 0
    states: dict[Channel, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in CHANNELS})
    suppressed: Counter[str] = field(default_factory=Counter)

    def add(self, person: ListedPerson, list_id: str | None) -> None:
        """Count a person whom Klaviyo knows and who is or will be on this list."""
        self.people += 1
        reasons = set(_reasons(person.by_email, list_id))
        self.suppressed.update(reasons)
        self.states["email"][_state(person.email, person.by_email, bool(reasons))] += 1
        self.states["sms"][_state(person.phone_number, person.by_sms, False)] += 1

    def add_unknown(self, people: int) -> None:
        """Count people whom Klaviyo does not know."""
        self.people += people
        self.unknown += people


def _state(address: str | None, marketing: Marketing, suppressed: bool) -> str:
    if not address:
        return "no address"
    # `not told`: Klaviyo may leave the channel out, or add a new state.
    return "suppressed" if suppressed else _BY_CONSENT.get(marketing.consent or "", "not told")


def _reasons(marketing: Marketing, list_id: str | None) -> Iterator[str]:
    yield from (each.reason for each in marketing.suppression or ())
    yield from (f"{each.reason} (this list)" for each in marketing.list_suppressions or () if each.list_id == list_id)
