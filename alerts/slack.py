"""Slack's incoming webhook: `{"text": ...}`."""

from __future__ import annotations

import json

from alerts import texts
from alerts.news import News
from alerts.posting import post


def tell(url: str, news: News) -> None:
    """Post the news. Raises ChannelFailed."""
    post(url, json.dumps({"text": escaped(f"*Ferry*\n{texts.body(news)}")}).encode(), {})


def escaped(text: str) -> str:
    """As Slack wants it: an audience named `<!channel>` calls nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
