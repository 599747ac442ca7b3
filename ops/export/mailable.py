"""Who of the people on a list would get a message, by channel, and why the others would not. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from klaviyo.list_people import ListedPerson
from klaviyo.marketing import Marketing

Channel = Literal["email", "sms"]
CHANNELS: Final[tuple[Channel, ...]] = ("email", "sms")
#: In the order in which they are shown. Somebody suppressed gets nothing, whatever the consent says (Klaviyo: profiles,
#: `subscriptions.email.marketing.suppression`), so that is looked at first.
STATES: Final = ("subscribed", "never subscribed", "unsubscribed", "suppressed", "no address", "not told")
_BY_CONSENT: Final = {
    "SUBSCRIBED": "subscribed",
    "NEVER_SUBSCRIBED": "never subscribed",
    "UNSUBSCRIBED": "unsubscribed",
}


@dataclass(slots=True)
class ChannelReach:
    """`people` counted, each in one state of `STATES` for each channel.

    `suppressed`: by Klaviyo's reason; somebody may be suppressed for several. `unknown`: not known to Klaviyo yet, so
    in no state.
    """

    people: int = 0
    unknown: int = 0
    states: dict[Channel, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in CHANNELS})
    suppressed: Counter[str] = field(default_factory=Counter)

    def add(self, person: ListedPerson, list_id: str | None) -> None:
        """Count somebody whom Klaviyo knows and who is on this list, or will be."""
        self.people += 1
        reasons = set(_reasons(person.by_email, list_id))
        self.suppressed.update(reasons)
        self.states["email"][_state(person.email, person.by_email, bool(reasons))] += 1
        self.states["sms"][_state(person.phone_number, person.by_sms, False)] += 1

    def add_unknown(self, people: int) -> None:
        """Count people whom Klaviyo does not know."""
        self.people += people
        self.unknown += people


def _state(address: str | None, told: Marketing, suppressed: bool) -> str:
    if not address:
        return "no address"
    # `not told`: Klaviyo may leave the channel out, or add a state that nobody knew when this was written.
    return "suppressed" if suppressed else _BY_CONSENT.get(told.consent or "", "not told")


def _reasons(told: Marketing, list_id: str | None) -> Iterator[str]:
    yield from (each.reason for each in told.suppression or ())
    yield from (f"{each.reason} (this list)" for each in told.list_suppressions or () if each.list_id == list_id)
