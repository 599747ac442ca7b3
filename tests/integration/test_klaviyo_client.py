"""The client against a running emulator of Klaviyo, with the real limiter where limits matter."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from redis import Redis

from emulator.server import running
from klaviyo.accounts import Account
from klaviyo.chunks import chunks
from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted, Throttled
from klaviyo.imports import MAX_ROW_BYTES, MAX_ROWS, ImportJob
from klaviyo.limiter import RedisLimiter, fingerprint
from klaviyo.outcomes import Bisect, Gone, Hold, Outcome, Retry, Rows

KEY = "pk_canary0123456789"


class OpenLimiter:
    """Lets everything through, so that the emulator's own limits can be met."""

    def __init__(self) -> None:
        self.pauses: list[tuple[str, float]] = []

    def acquire(self, _endpoint: str) -> float:
        return 0.0

    def pause(self, endpoint: str, seconds: float) -> None:
        self.pauses.append((endpoint, seconds))


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with running(job_seconds=0.0) as url:
        yield url


@pytest.fixture
def url(emulator: str) -> str:
    order(emulator, "reset")
    order(emulator, "limits", {"off": True})
    return emulator


@pytest.fixture
def client(url: str) -> Iterator[Klaviyo]:
    client = Klaviyo(url, KEY, OpenLimiter())
    yield client
    client.close()


def order(url: str, name: str, body: object = None) -> None:
    requests.post(f"{url}/_emulator/{name}", json=body, timeout=10).raise_for_status()


def asked(url: str) -> list[dict[str, Any]]:
    """The requests that reached the emulator."""
    found: list[dict[str, Any]] = requests.get(f"{url}/_emulator/requests", timeout=10).json()
    return found


def row(**attributes: str) -> bytes:
    return json.dumps({"type": "profile", "attributes": attributes}).encode()


def people(count: int) -> list[bytes]:
    return [row(email=f"p+{number}@example.com", external_id=f"c-{number}") for number in range(count)]


def finished(client: Klaviyo, job: ImportJob) -> ImportJob:
    deadline = time.monotonic() + 10
    while (state := client.import_job(job.id)).status != "complete":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return state


def refusal(client: Klaviyo, rows: list[bytes], list_id: str | None) -> Outcome:
    with pytest.raises(NotAccepted) as refused:
        client.import_profiles(rows, list_id)
    return refused.value.outcome


def test_people_come_onto_a_list_are_found_and_leave_it(client: Klaviyo) -> None:
    assert client.find_list("VIP") is None
    list_id = client.create_list("VIP")
    job = client.import_profiles(people(250), list_id)
    assert (job.status, job.total) == ("queued", 250)
    state = finished(client, job)
    assert (state.completed, state.failed) == (250, 0)
    assert state.expires_at is not None
    assert list(client.import_errors(job.id)) == []
    addresses = [f"p+{number}@example.com" for number in range(250)]
    ids = client.members(list_id, "email", [*addresses, "stranger@example.com"])
    assert len(ids) == len(set(ids)) == 250
    assert set(client.profiles_by_external_id(["c-0", "c-249", "c-999"])) <= set(ids)
    client.remove_members(list_id, ids[:200])
    assert set(client.members(list_id, "email", addresses)) == set(ids[200:])


@pytest.mark.parametrize("name", ["VIP", '5" & "quoted", \\ back', "100% + more", "Überraschung/€", "a,b)(c"])
def test_a_list_of_any_name_is_found_again_and_only_it(name: str, client: Klaviyo) -> None:
    other = client.create_list("other")
    ours = client.create_list(name)
    assert client.find_list(name) == ours
    assert client.find_list("other") == other
    assert client.get_list(ours) == name


def test_one_of_many_lists_of_one_name_is_chosen_over_all_pages_and_always_the_same(client: Klaviyo, url: str) -> None:
    ids = [client.create_list("VIP") for _ in range(25)]
    assert client.find_list("VIP") == client.find_list("VIP") in ids
    assert len([request for request in asked(url) if request["method"] == "GET"]) == 6


@pytest.mark.parametrize("field", ["email", "phone_number"])
def test_a_plus_reaches_klaviyo_as_a_plus(field: Any, client: Klaviyo) -> None:
    list_id = client.create_list("VIP")
    who = {"email": "a+b@example.com", "phone_number": "+15005550006"}
    finished(client, client.import_profiles([row(**who)], list_id))
    assert len(client.members(list_id, field, [who[field]])) == 1


def test_rows_that_fail_after_acceptance_are_told_over_all_pages(client: Klaviyo) -> None:
    bad = [row(email=f"fail+invalid@{number}.example.com") for number in range(150)]
    job = client.import_profiles([*people(3), *bad], None)
    state = finished(client, job)
    assert state.failed == 150
    failures = list(client.import_errors(job.id))
    assert len(failures) == 150
    assert {failure.code for failure in failures} == {"invalid"}
    assert all(failure.payload for failure in failures)
    assert "example.com" not in repr(failures)


def test_a_bad_row_is_named_and_nothing_is_imported(client: Klaviyo) -> None:
    list_id = client.create_list("VIP")
    outcome = refusal(client, [*people(2), row(email="not an address"), row(phone_number="123")], list_id)
    assert isinstance(outcome, Rows)
    assert {error.index for error in outcome.errors} == {2, 3}
    assert client.members(list_id, "email", ["p+0@example.com"]) == []


def test_a_deleted_list_holds_the_audience_and_blames_nobody(client: Klaviyo) -> None:
    for outcome in (refusal(client, people(2), "XXXXXX"), refusal_of_look_up(client)):
        assert isinstance(outcome, Hold)
        assert (outcome.scope, outcome.reason) == ("list", "list_gone")


def refusal_of_look_up(client: Klaviyo) -> Outcome:
    with pytest.raises(NotAccepted) as refused:
        client.members("XXXXXX", "email", ["a@example.com"])
    return refused.value.outcome


def test_a_job_klaviyo_does_not_know_is_gone(client: Klaviyo) -> None:
    with pytest.raises(NotAccepted) as refused:
        client.import_job("no-such-job")
    assert isinstance(refused.value.outcome, Gone)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("500", Retry(None, counts=True, why="http_500")),
        ("503_html", Retry(None, counts=True, why="http_503")),
        ("403_html", Retry(300.0, counts=False, why="edge_block")),
        ("reset", Retry(None, counts=False, why="network:ConnectionError")),
        ("lost_response", Retry(None, counts=False, why="network:ConnectionError")),
        ("429", Retry(1.0, counts=False, why="throttled")),
    ],
)
def test_a_passing_fault_is_retried_and_the_next_call_succeeds(
    fault: str, outcome: Outcome, client: Klaviyo, url: str
) -> None:
    order(url, "faults", {"fault": fault})
    assert refusal(client, people(1), None) == outcome
    assert client.import_profiles(people(1), None).total == 1


@pytest.mark.parametrize(("fault", "reason"), [("401", "unauthenticated"), ("403", "forbidden")])
def test_a_refused_key_holds_the_connection(fault: str, reason: str, client: Klaviyo, url: str) -> None:
    order(url, "faults", {"fault": fault})
    outcome = refusal(client, people(1), None)
    assert isinstance(outcome, Hold)
    assert (outcome.scope, outcome.reason) == ("connection", reason)


def test_a_400_that_names_nothing_leads_to_halving(client: Klaviyo, url: str) -> None:
    list_id = client.create_list("VIP")
    order(url, "faults", {"fault": "400"})
    assert isinstance(refusal(client, people(2), list_id), Bisect)


def test_a_wrong_revision_is_not_the_peoples_fault(url: str) -> None:
    client = Klaviyo(url, KEY, OpenLimiter(), revision="2099-01-15")
    assert not isinstance(refusal(client, people(2), None), Rows)
    client.close()


def test_the_largest_import_is_taken(client: Klaviyo) -> None:
    rows = [row(email=f"p+{number}@example.com", first_name="x" * 400) for number in range(MAX_ROWS)]
    parts = list(chunks(rows, MAX_ROWS, MAX_ROW_BYTES))
    assert len(parts) == 2
    assert [client.import_profiles(part, None).total for part in parts] == [len(part) for part in parts]


def test_the_account_is_told_and_a_narrow_key_still_works(client: Klaviyo, url: str) -> None:
    assert client.account().id is not None
    order(url, "keys", {"keys": [{"key": KEY, "scopes": ["lists:read"]}]})
    assert client.account() == Account(None, None)
    order(url, "keys", {"keys": [{"key": "pk_another"}]})
    with pytest.raises(NotAccepted) as refused:
        client.account()
    assert isinstance(refused.value.outcome, Hold)


def test_a_429_pauses_as_long_as_klaviyo_says(url: str) -> None:
    limiter = OpenLimiter()
    client = Klaviyo(url, KEY, limiter)
    order(url, "faults", {"fault": "429", "retry_after": 2.5})
    refusal(client, people(1), None)
    client.close()
    assert limiter.pauses == [("bulk_import_profiles", 2.5)]


def test_under_klaviyos_own_limits_our_limiter_never_meets_a_429(url: str, redis: Redis) -> None:
    order(url, "limits", {"off": False})
    client = Klaviyo(url, KEY, RedisLimiter(redis, fingerprint(KEY)))
    sent = 0
    began = time.monotonic()
    while time.monotonic() - began < 3.5:
        # Raises NotAccepted at the first 429.
        client.import_profiles(people(1), None)
        sent += 1
    client.close()
    assert sent >= 20
    assert {request["status"] for request in asked(url)} == {202}


def test_a_used_up_quota_sends_nothing_and_says_when(url: str, redis: Redis) -> None:
    order(url, "limits", {"off": False})
    client = Klaviyo(url, KEY, RedisLimiter(redis, fingerprint(KEY)))
    RedisLimiter(redis, fingerprint(KEY)).pause("bulk_import_profiles", 30)
    with pytest.raises(Throttled) as throttled:
        client.import_profiles(people(1), None)
    client.close()
    assert 29 < throttled.value.after_s <= 30
    assert asked(url) == []
