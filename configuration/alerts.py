"""The limits that raise an alert, and the channels that alerts are sent to."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits beyond which an alert is raised.

    `dead_letters`: dead letters in one queue. `dead_percent`: dead letters in percent of the changes that a queue
    finished within a day. `oldest_over_minutes`: minutes that a change is pending beyond the queue's policy. `holds`:
    every hold. `scheduler_silent_minutes`, `no_worker_minutes`: minutes since one was seen. `redis_memory_percent`:
    percent of maxmemory. `revision_days`: days until Klaviyo retires the revision that Ferry uses. `erasures`: erasures
    that need attention. `keys`: every Klaviyo key that a message changed, and every attempt of a sender that may not.
    `ledger_rolled_back`: a ledger that was rolled back, until someone acknowledges it. `lists`: every list that a daily
    comparison found to differ from the membership ledger. `queries`: a scheduled query that does not run as it should.
    """

    dead_letters: int = 100
    dead_percent: int = 5
    oldest_over_minutes: int = 30
    holds: bool = True
    scheduler_silent_minutes: int = 2
    no_worker_minutes: int = 5
    redis_memory_percent: int = 80
    revision_days: int = 90
    erasures: bool = True
    ledger_rolled_back: bool = True
    keys: bool = True
    lists: bool = True
    queries: bool = True


@dataclass(frozen=True, slots=True)
class Webhook:
    """The address that alerts are posted to, and the secret that signs them."""

    url: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mail:
    """The e-mail channel. `server`: `smtp://` (STARTTLS) or `smtps://`, with user and password if required."""

    to: tuple[str, ...]
    sender: str
    server: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Alerting:
    """The limits and at least one channel. `slack`: URL of its incoming webhook. `console_url`: URL of the console."""

    limits: Limits = field(default_factory=Limits)
    slack: str | None = field(default=None, repr=False)
    webhook: Webhook | None = None
    mail: Mail | None = None
    console_url: str | None = None
