"""POST to a configured address: one attempt, a total time limit, no redirects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import requests
from urllib3.exceptions import HTTPError

from alerts.errors import ChannelFailed
from klaviyo.http import Deadline, DeadlineAdapter

#: Seconds to connect, without a byte, and in total.
TIMEOUT_S: Final = (5, 10)
TOTAL_S: Final = 10.0
_LATE: Final = "no answer in time"


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post JSON. Raises ChannelFailed unless the answer is 2xx and arrives in time."""
    with Deadline(TOTAL_S) as deadline:
        try:
            status = _status(url, body, headers)
        except (OSError, HTTPError) as fault:
            # Its text is dropped: it quotes the address, which is a secret in the case of Slack.
            raise ChannelFailed(_LATE if deadline.passed else f"network: {type(fault).__name__}") from None
    # Truncated headers look complete, so the time is checked last.
    if deadline.passed:
        raise ChannelFailed(_LATE)
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
