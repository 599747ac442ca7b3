"""POST to an address that somebody configured: once, within a total time, following nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import requests
from urllib3.exceptions import HTTPError

from alerts.errors import ChannelFailed
from klaviyo.deadline import Deadline, DeadlineAdapter

#: Seconds to connect and without a byte; and for everything.
TIMEOUT_S: Final = (5, 10)
TOTAL_S: Final = 10.0
_LATE: Final = "no answer in time"


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post JSON. Raises ChannelFailed unless it is answered 2xx in time."""
    with Deadline(TOTAL_S) as deadline:
        try:
            status = _status(url, body, headers)
        except (OSError, HTTPError) as fault:
            # Its text is dropped: it quotes the address, of which Slack's is a secret.
            raise ChannelFailed(_LATE if deadline.passed else f"network: {type(fault).__name__}") from None
    # Headers that were cut look like complete ones, so the clock has the last word.
    if deadline.passed:
        raise ChannelFailed(_LATE)
    if not 200 <= status < 300:
        raise ChannelFailed(f"answered HTTP {status}")


def _status(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    told = {"Content-Type": "application/json", **headers}
    with requests.Session() as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, DeadlineAdapter())
        # The answer's body is not read: all that counts is whether it was taken.
        with session.post(url, body, headers=told, timeout=TIMEOUT_S, allow_redirects=False, stream=True) as answer:
            return answer.status_code
