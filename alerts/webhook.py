"""The webhook channel, which posts the news as signed JSON."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any, Final

from alerts.news import News
from alerts.posting import post
from configuration.alerts import Webhook
from queues.alerts import Raised
from text.escaping import visible
from text.wording import moment

TIMESTAMP: Final = "Ferry-Timestamp"
SIGNATURE: Final = "Ferry-Signature"


def tell(webhook: Webhook, news: News) -> None:
    """Post the news. Raises ChannelFailed."""
    body = json.dumps(document(news)).encode()
    timestamp = str(int(time.time()))
    post(webhook.url, body, {TIMESTAMP: timestamp, SIGNATURE: signature(webhook.secret, timestamp, body)})


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of `timestamp.body` in hex. The time is signed to prevent replays."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def document(news: News) -> dict[str, Any]:
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
