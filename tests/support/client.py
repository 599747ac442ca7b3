"""The client against a running emulator of Klaviyo: what the tests of it send and look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from klaviyo.calls import Limiter
from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted
from klaviyo.imports import ImportJob
from klaviyo.outcomes import Outcome
from tests.support.emulator_api import Api
from tests.support.waiting import until

KEY = "pk_canary0123456789"


class OpenLimiter:
    """Lets everything through, so that the emulator's own limits can be met."""

    def __init__(self) -> None:
        self.pauses: list[tuple[str, float]] = []

    def acquire(self, _endpoint: str) -> float:
        """No wait."""
        return 0.0

    def pause(self, endpoint: str, seconds: float) -> None:
        """Note it."""
        self.pauses.append((endpoint, seconds))


@contextmanager
def client_of(api: Api, limiter: Limiter, **options: Any) -> Iterator[Klaviyo]:
    """A client of the emulator, closed afterwards."""
    with closing(Klaviyo(api.url, KEY, limiter, **options)) as client:
        yield client


def asked(api: Api) -> list[dict[str, Any]]:
    """The requests that reached the emulator."""
    found: list[dict[str, Any]] = api.get("/_emulator/requests").json()
    return found


def encoded(**attributes: str) -> bytes:
    """A profile as an import wants it."""
    return json.dumps({"type": "profile", "attributes": attributes}).encode()


def people(count: int) -> list[bytes]:
    """So many different profiles."""
    return [encoded(email=f"p+{number}@example.com", external_id=f"c-{number}") for number in range(count)]


def finished(client: Klaviyo, job: ImportJob) -> ImportJob:
    """The job once it is complete."""
    until(lambda: client.import_job(job.id).status == "complete", "the job is complete")
    return client.import_job(job.id)


def refusal(client: Klaviyo, rows: list[bytes], list_id: str | None) -> Outcome:
    """What follows from an import that is not accepted."""
    with pytest.raises(NotAccepted) as refused:
        client.import_profiles(rows, list_id)
    return refused.value.outcome
