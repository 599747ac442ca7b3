"""A person's consents by channel, and their suppressions."""

from __future__ import annotations

from typing import Literal

import msgspec

from emulator.work import Row

EMAIL, SMS, SMS_TRANSACTIONAL = "email.marketing", "sms.marketing", "sms.transactional"
#: The identifier of a person for each channel.
CHANNELS = {EMAIL: "email", SMS: "phone_number", SMS_TRANSACTIONAL: "phone_number"}
#: The consents to tracking of e-mails, which have no time (OpenAPI: OpenTrackingSubscriptionParameters).
OPENS, CLICKS = "email.open_tracking", "email.click_tracking"
CONSENTS = {**CHANNELS, OPENS: "email", CLICKS: "email"}

Reason = Literal["HARD_BOUNCE", "INVALID_EMAIL", "SPAM_COMPLAINT", "UNSUBSCRIBE", "USER_SUPPRESSED"]
#: Klaviyo: bulk subscribe profiles. A subscription does not lift a bounce or an invalid address.
LIFTED_BY_SUBSCRIBING: tuple[Reason, ...] = ("UNSUBSCRIBE", "SPAM_COMPLAINT", "USER_SUPPRESSED")


class Grant(msgspec.Struct, frozen=True, gc=False):
    """The consent on one channel; `since` and `updated` in epoch seconds."""

    consent: Literal["NEVER_SUBSCRIBED", "SUBSCRIBED", "UNSUBSCRIBED"] = "NEVER_SUBSCRIBED"
    since: float | None = None
    updated: float | None = None
    source: str | None = None
    double_opt_in: bool = False


class Wish(msgspec.Struct, frozen=True, gc=False):
    """A subscription, which may be pending until the person confirms it."""

    row: Row
    list_id: str | None
    source: str | None


class Consents(msgspec.Struct, gc=False):
    """The consents and suppressions of one person; suppressions by reason and by list, with epoch seconds."""

    grants: dict[str, Grant] = {}
    suppressions: dict[Reason, float] = {}
    list_suppressions: dict[str, float] = {}
    pending: list[Wish] = []

    def of(self, channel: str) -> Grant:
        """Return the consent on a channel; by default there is none."""
        return self.grants.get(channel, _NEVER)

    def grant(self, channel: str, grant: Grant) -> None:
        """Subscribe on a channel, and lift the suppressions that a subscription can lift."""
        self.grants[channel] = grant
        if channel == EMAIL:
            for reason in LIFTED_BY_SUBSCRIBING:
                self.suppressions.pop(reason, None)

    def revoke(self, channel: str, now: float) -> None:
        """Unsubscribe from everything on the channel."""
        self.grants[channel] = Grant("UNSUBSCRIBED", now, now)
        if channel == EMAIL:
            self.suppressions.setdefault("UNSUBSCRIBE", now)

    def inherit(self, other: Consents, *, with_phone: bool) -> None:
        """Take over the consents of a profile that is merged into this one (Klaviyo: how to merge profiles).

        The newer consent wins, the other's if they are equally old; suppressions stay. `with_phone`: whether the
        other's phone number is taken over; without it, its SMS consents are not.
        """
        for channel, grant in other.grants.items():
            reaches = with_phone or CONSENTS[channel] != "phone_number"
            if reaches and (grant.updated or 0) >= (self.of(channel).updated or 0):
                self.grants[channel] = grant
        self.suppressions |= {k: min(v, self.suppressions.get(k, v)) for k, v in other.suppressions.items()}
        self.list_suppressions |= other.list_suppressions
        self.pending += other.pending


_NEVER = Grant()
