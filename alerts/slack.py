"""The channel of Slack's incoming webhook, which takes `{"text": ...}`."""

from __future__ import annotations

import json

from alerts import texts
from alerts.news import News
from alerts.posting import post


def tell(url: str, news: News) -> None:
    """Post the news. Raises ChannelFailed."""
    post(url, json.dumps({"text": escaped(f"*Ferry*\n{texts.body(news)}")}).encode(), {})


def escaped(text: str) -> str:
    """Escape a text for Slack, so that an audience named `<!channel>` notifies no one."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
