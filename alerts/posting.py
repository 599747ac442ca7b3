"""The channels that post to a configured address: Slack's incoming webhook, and a webhook of signed JSON.

One attempt, a total time limit, no redirects. Slack takes `{"text": ...}`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any, Final

import requests
from urllib3.exceptions import HTTPError

from alerts.news import ChannelFailed, News, full_text
from configuration.alerts import Webhook
from klaviyo.deadline import Deadline, DeadlineAdapter
from queues.alerts import Raised
from text.escaping import visible
from text.wording import moment

#: Seconds to connect, without a byte, and in total.
TIMEOUT_S: Final = (5, 10)
TOTAL_S: Final = 10.0
TIMESTAMP: Final = "Ferry-Timestamp"
SIGNATURE: Final = "Ferry-Signature"


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post JSON. Raises ChannelFailed unless the answer is 2xx and arrives in time."""
    with Deadline(TOTAL_S) as deadline:
        try:
            status = _status(url, body, headers)
        except (OSError, HTTPError) as fault:
            # Its text is dropped: it quotes the address, which is a secret in the case of Slack.
            why = "no answer in time" if deadline.passed else f"network: {type(fault).__name__}"
            raise ChannelFailed(why) from None
    if not 200 <= status < 300:
        raise ChannelFailed(f"answered HTTP {status}")


def _status(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    all_headers = {"Content-Type": "application/json", **headers}
    with requests.Session() as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, DeadlineAdapter())
        # Only the status counts, so the body is not read.
        with session.post(
            url, body, headers=all_headers, timeout=TIMEOUT_S, allow_redirects=False, stream=True
        ) as answer:
            return answer.status_code


def tell_slack(url: str, news: News) -> None:
    """Post the news. Raises ChannelFailed."""
    post(url, json.dumps({"text": escaped(f"*Ferry*\n{full_text(news)}")}).encode(), {})


def escaped(text: str) -> str:
    """Escape a text for Slack, so that an audience named `<!channel>` notifies no one."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def tell_webhook(webhook: Webhook, news: News) -> None:
    """Post the news. Raises ChannelFailed."""
    body = json.dumps(webhook_document(news)).encode()
    timestamp = str(int(time.time()))
    post(webhook.url, body, {TIMESTAMP: timestamp, SIGNATURE: signature(webhook.secret, timestamp, body)})


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of `timestamp.body` in hex. The time is signed to prevent replays."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def webhook_document(news: News) -> dict[str, Any]:
    """Return the news as a JSON object; times in ISO 8601 and UTC."""
    return {"at": moment(news.at), "url": news.url, "alerts": [_alert(each) for each in news.alerts]}


def _alert(each: Raised) -> dict[str, Any]:
    return {
        "id": each.alert.id,
        "rule": each.alert.rule,
        "on": each.alert.on,
        "state": "raised" if each.over is None else "over",
        "text": visible(each.alert.text),
        "remedy": visible(each.alert.remedy),
        "since": moment(each.since),
        "over": moment(each.over),
    }
