"""What is new: which alerts begin, go on and end, and which of them a channel has yet to be told. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from queues.alerts import Alert, Raised


@dataclass(frozen=True, slots=True)
class News:
    """What one channel is told in one message. `at`: ms. `url`: of the page, None where it is not known."""

    at: int
    alerts: tuple[Raised, ...]
    url: str | None = None

    @property
    def begun(self) -> int:
        """How many of the alerts are raised; the others are over."""
        return sum(each.over is None for each in self.alerts)


def merged(known: Iterable[Raised], judged: Iterable[Alert], now: int) -> list[Raised]:
    """What was known and what is judged to be wrong now, as one. `now`: ms.

    One that is raised again while somebody has yet to be told of its end begins anew; who was not told, need not be.
    """
    before = {each.alert.id: each for each in known}
    wrong = {alert.id: alert for alert in judged}
    return [
        *(_raised(before.get(alert.id), alert, now) for alert in wrong.values()),
        *(_over(each, now) for each in before.values() if each.alert.id not in wrong),
    ]


def _raised(before: Raised | None, alert: Alert, now: int) -> Raised:
    if before is None:
        return Raised(alert, now)
    # With the text of now: the list of alerts shows what is, not what was first told.
    return replace(before, alert=alert, over=None, since=before.since if before.over is None else now)


def _over(before: Raised, now: int) -> Raised:
    return before if before.over is not None else replace(before, over=now)


def untold(known: Iterable[Raised], channel: str) -> tuple[Raised, ...]:
    """What a channel has to be told: what it does not know to be raised, and what it still does and is over."""
    return tuple(each for each in known if (each.over is None) != (channel in each.told))


def known_to(known: Iterable[Raised], channel: str) -> list[Raised]:
    """The same, once a channel was told of all that it did not know."""
    return [replace(each, told=each.told | {channel} if each.over is None else each.told - {channel}) for each in known]


def done(known: Iterable[Raised], channels: Collection[str]) -> list[str]:
    """Ids of the alerts that are over, of which none of these channels has to be told any more."""
    return [each.alert.id for each in known if each.over is not None and each.told.isdisjoint(channels)]
