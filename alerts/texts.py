"""News in words: one sentence of what is wrong, one of what to do. Pure."""

from __future__ import annotations

from typing import Final

from alerts.news import News
from queues.alerts import Raised
from text.escaping import visible
from text.wording import plural, span

#: Alerts of one message, or line of the log, that are written out; a day on which a hundred queues stop is no day for
#: a hundred lines.
WRITTEN_OUT: Final = 20


def headline(news: News) -> str:
    """`2 alerts, 1 over`; of a single one, what it is."""
    if len(news.alerts) == 1:
        return _what(news.alerts[0])
    ended = len(news.alerts) - news.begun
    parts = [plural(news.begun, "alert")] if news.begun else []
    return ", ".join([*parts, f"{ended:,} over"] if ended else parts)


def body(news: News) -> str:
    """A paragraph for each alert, and the address of the page."""
    parts = [paragraph(each) for each in news.alerts[:WRITTEN_OUT]]
    if (more := len(news.alerts) - WRITTEN_OUT) > 0:
        parts.append(f"And {more:,} more: `ferry alerts` lists what is raised.")
    return "\n\n".join([*parts, news.url] if news.url else parts)


def paragraph(each: Raised) -> str:
    """`default is held: list_gone.` and what to do; `over: default is held: list_gone, after 3h 12m.`"""
    return f"{_what(each)}." if each.over is not None else f"{_what(each)}.\n{visible(each.alert.remedy)}"


def _what(each: Raised) -> str:
    text = visible(each.alert.text)
    return text if each.over is None else f"over: {text}, after {span(each.over - each.since)}"
