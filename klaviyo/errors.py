"""The exceptions of the client for requests that Klaviyo did not accept. No message contains personal data or a key."""

from __future__ import annotations

from klaviyo.outcomes import Outcome, Retry, summary


class NotAccepted(Exception):
    """Klaviyo did not accept a request; `outcome` says what to do next, `endpoint` which call it was."""

    def __init__(self, endpoint: str, outcome: Outcome) -> None:
        super().__init__(f"Klaviyo {endpoint}: {summary(outcome)}")
        self.endpoint = endpoint
        self.outcome = outcome


class Throttled(NotAccepted):
    """Ferry's share of Klaviyo's limit is used up and nothing was sent: give the batch back for `after_s` seconds."""

    def __init__(self, endpoint: str, after_s: float) -> None:
        super().__init__(endpoint, Retry(after_s, counts=False, why="own_limit"))
        self.after_s = after_s
