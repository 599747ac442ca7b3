"""Which alerts begin, go on and end, which of them each channel does not know yet, and their text. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from queues.alerts import Alert, Raised
from text.escaping import visible
from text.wording import duration, plural

#: Alerts written out in one message or log line, so that a hundred stopped queues do not make a hundred lines.
WRITTEN_OUT: Final = 20


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


class ChannelFailed(Exception):
    """A channel did not take a message; the text says why, without any address or secret."""


def headline(news: News) -> str:
    """Return `2 alerts, 1 over`, or the text of a single alert."""
    if len(news.alerts) == 1:
        return _what(news.alerts[0])
    ended = len(news.alerts) - news.begun
    parts = [plural(news.begun, "alert")] if news.begun else []
    return ", ".join([*parts, f"{ended:,} over"] if ended else parts)


def full_text(news: News) -> str:
    """Return a paragraph for each alert, and the address of the page."""
    parts = [paragraph(each) for each in news.alerts[:WRITTEN_OUT]]
    if (more := len(news.alerts) - WRITTEN_OUT) > 0:
        parts.append(f"And {more:,} more: `ferry alerts` lists all raised alerts.")
    return "\n\n".join([*parts, news.url] if news.url else parts)


def paragraph(each: Raised) -> str:
    """Return `default is held: list_gone.` and what to do, or `over: default is held: list_gone, after 3 h 12 min.`"""
    return f"{_what(each)}." if each.over is not None else f"{_what(each)}.\n{visible(each.alert.remedy)}"


def _what(each: Raised) -> str:
    text = visible(each.alert.text)
    return text if each.over is None else f"over: {text}, after {duration(each.over - each.since)}"
