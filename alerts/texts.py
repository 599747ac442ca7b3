"""The text of alert messages: a sentence on what is wrong, and one on what to do. Pure."""

from __future__ import annotations

from typing import Final

from alerts.news import News
from queues.alerts import Raised
from text.escaping import visible
from text.wording import plural, span

#: Alerts written out in one message or log line, so that a hundred stopped queues do not make a hundred lines.
WRITTEN_OUT: Final = 20


def headline(news: News) -> str:
    """Return `2 alerts, 1 over`, or the text of a single alert."""
    if len(news.alerts) == 1:
        return _what(news.alerts[0])
    ended = len(news.alerts) - news.begun
    parts = [plural(news.begun, "alert")] if news.begun else []
    return ", ".join([*parts, f"{ended:,} over"] if ended else parts)


def body(news: News) -> str:
    """Return a paragraph for each alert, and the address of the page."""
    parts = [paragraph(each) for each in news.alerts[:WRITTEN_OUT]]
    if (more := len(news.alerts) - WRITTEN_OUT) > 0:
        parts.append(f"And {more:,} more: `ferry alerts` lists all raised alerts.")
    return "\n\n".join([*parts, news.url] if news.url else parts)


def paragraph(each: Raised) -> str:
    """Return `default is held: list_gone.` and what to do, or `over: default is held: list_gone, after 3h 12m.`"""
    return f"{_what(each)}." if each.over is not None else f"{_what(each)}.\n{visible(each.alert.remedy)}"


def _what(each: Raised) -> str:
    text = visible(each.alert.text)
    return text if each.over is None else f"over: {text}, after {span(each.over - each.since)}"
