"""A client of the intake that repeats a message until it is accepted, as a CDP does."""

from __future__ import annotations

import socket
from collections import Counter

import requests

from tests.support.model import Message
from tests.support.waiting import until

TOKEN = "crash-test-token-0123456789"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Sender:
    """Posts to one intake. `answers`: how often which status came; 0 stands for none at all."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.answers: Counter[int] = Counter()
        self._session = requests.Session()
        self._session.trust_env = False  # looking for proxies takes longer than some requests
        # A connection of its own each time: a kept one may be to an intake that was killed meanwhile.
        self._session.headers["Connection"] = "close"

    def post(self, message: Message, timeout_s: float = 30.0) -> int:
        """Send a message once; the status, 0 when there was no answer."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": message.id}
        try:
            answer = self._session.post(
                f"{self.url}/v1/changes", json=message.posted(), headers=headers, timeout=timeout_s
            )
        except requests.RequestException:
            self.answers[0] += 1
            return 0
        assert (answer.status_code == 503) == ("Retry-After" in answer.headers)
        self.answers[answer.status_code] += 1
        return answer.status_code

    def post_until_accepted(self, message: Message, seconds: float = 60.0) -> None:
        """Repeat a message until it is answered with 202."""
        until(lambda: self.post(message) == 202, f"accepted, after {dict(self.answers)}", seconds)

    def wait_until_up(self, seconds: float = 60.0) -> None:
        """Return when the intake answers."""
        until(self._is_up, "the intake answers", seconds)

    def _is_up(self) -> bool:
        try:
            self._session.get(f"{self.url}/healthz", timeout=2).raise_for_status()
        except requests.RequestException:
            return False
        return True
