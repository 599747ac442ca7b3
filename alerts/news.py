"""Which alerts begin, go on and end, and of which of them each channel has yet to be notified. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from queues.alerts import Alert, Raised


@dataclass(frozen=True, slots=True)
class News:
    """The content of one message to one channel. `at`: ms. `url`: address of the page, None if unknown."""

    at: int
    alerts: tuple[Raised, ...]
    url: str | None = None

    @property
    def begun(self) -> int:
        """The number of alerts that are raised; the others are over."""
        return sum(each.over is None for each in self.alerts)


def merged(known: Iterable[Raised], judged: Iterable[Alert], now: int) -> list[Raised]:
    """Merge the remembered alerts with those judged now. `now`: ms.

    An alert that is raised again before every channel was notified of its end counts as a new one; a channel that was
    not notified of the end is not notified of it later.
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
    # With the current text: the list of alerts shows the present state, not the first message.
    return replace(before, alert=alert, over=None, since=before.since if before.over is None else now)


def _over(before: Raised, now: int) -> Raised:
    return before if before.over is not None else replace(before, over=now)


def untold(known: Iterable[Raised], channel: str) -> tuple[Raised, ...]:
    """Return the raised alerts that a channel does not know of, and those it knows as raised that are over."""
    return tuple(each for each in known if (each.over is None) != (channel in each.told))


def known_to(known: Iterable[Raised], channel: str) -> list[Raised]:
    """Return the alerts as they are after a channel was notified of everything."""
    return [replace(each, told=each.told | {channel} if each.over is None else each.told - {channel}) for each in known]


def done(known: Iterable[Raised], channels: Collection[str]) -> list[str]:
    """Return the ids of the alerts that are over and of whose end all these channels were notified."""
    return [each.alert.id for each in known if each.over is not None and each.told.isdisjoint(channels)]
