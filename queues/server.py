"""Connections to Redis or Valkey."""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from queues import sentinel

#: Seconds. A server that does not answer so long counts as down; blocking commands ask for less than the first.
SOCKET_TIMEOUT = 15.0
CONNECT_TIMEOUT = 3.0


def _options(url: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "health_check_interval": 30,
        "client_name": "ferry",
    }
    if url.startswith("rediss") and "ssl_cert_reqs" not in url:
        # Heroku's certificates are self-signed and change; add ?ssl_cert_reqs=required to the URL to check them.
        options |= {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    return options


def connect(url: str) -> Redis:
    """A client for processes that may wait: brief faults are retried a few times, with jitter."""
    retry = Retry(ExponentialWithJitterBackoff(cap=1.0, base=0.05), retries=3)
    options = {**_options(url), "socket_timeout": SOCKET_TIMEOUT, "retry": retry}
    if sentinel.is_sentinel(url):
        return sentinel.client(url, _asking(url), **options)
    return Redis.from_url(url, **options)


def connect_async(url: str) -> AsyncRedis:
    """A client for the intake, which answers 503 rather than wait: no retries, a short time-out.

    A retry could also write twice, where the first try was carried out and only its answer lost.
    """
    retry = AsyncRetry(ExponentialWithJitterBackoff(), retries=0)
    options = {**_options(url), "socket_timeout": CONNECT_TIMEOUT, "retry": retry}
    if sentinel.is_sentinel(url):
        return sentinel.client_async(url, _asking(url), **options)
    return AsyncRedis.from_url(url, **options)


def _asking(url: str) -> dict[str, Any]:
    return {**_options(url), "socket_timeout": CONNECT_TIMEOUT}
