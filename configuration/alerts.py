"""What raises an alert, and where alerts are told."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """Beyond which something is an alert.

    `dead_letters`: kept in one queue. `dead_percent`: of the changes of a queue that deliveries ended within a day.
    `oldest_over_minutes`: beyond what a queue's policy lets a change wait. `holds`: each one is told of.
    `scheduler_silent_minutes`, `no_worker_minutes`: since one was seen. `redis_memory_percent`: of its maxmemory.
    `revision_days`: before Klaviyo retires the revision that Ferry speaks. `erasures`: those that need a look. `keys`:
    each Klaviyo key that a message changed, and each attempt of a sender that may not.
    `ledger_rolled_back`: until somebody acknowledges it.
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


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that alerts are posted to, and with what they are signed."""

    url: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mail:
    """`server`: `smtp://` (STARTTLS) or `smtps://`, with user and password where it wants them."""

    to: tuple[str, ...]
    sender: str
    server: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Alerting:
    """The channels, of which there is one at least. `slack`: its incoming webhook. `console_url`: of the page."""

    limits: Limits = field(default_factory=Limits)
    slack: str | None = field(default=None, repr=False)
    webhook: Webhook | None = None
    mail: Mail | None = None
    console_url: str | None = None
