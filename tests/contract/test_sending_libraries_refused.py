"""What the real libraries of Segment and RudderStack do when Ferry refuses: report it, or wait and lose nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.support.clients import LIBRARIES
from tests.support.posting import KEYS, SLOW, Posting, installed, joining, libraries, posting_to, slug
from tests.support.relay import Exchange
from tests.support.up import Up


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Up, dict[str, str]]]:
    with installed(tmp_path_factory.mktemp("libraries")) as found:
        yield found


@pytest.fixture
def posting(installation: tuple[Up, dict[str, str]]) -> Iterator[Posting]:
    with posting_to(*installation) as found:
        yield found


@libraries
def test_a_wrong_key_is_reported_to_the_sender_and_nothing_repeated(posting: Posting, library: str) -> None:
    wrong = dict.fromkeys(KEYS, "a-key-that-is-unknown")
    (failure,) = posting.post(library, *joining(slug(library, "wrong"), 1), keys=wrong)
    assert failure["status"] == 401
    if not library.startswith("segment-node"):  # it reports the status alone
        assert failure["code"] == "unauthorized"
        assert "token" in failure["message"]
    assert posting.relay.statuses() == [401]


@libraries
def test_a_sender_over_its_rate_waits_and_loses_nothing(posting: Posting, library: str) -> None:
    user, key = slug(library, "slow"), SLOW[LIBRARIES[library].name]

    def use_up() -> None:
        if 429 not in posting.relay.statuses():
            while _empty_batch(posting.up, key) != 429:
                pass

    posting.relay.before = use_up
    assert posting.post(library, *joining(user, 3), keys=SLOW) == []
    posting.relay.before = lambda: None
    assert 429 in posting.relay.statuses()
    posting.deliver()
    for n in range(3):
        posting.person(f"{user}-{n}@example.com")
    if library.startswith("segment"):
        _waited(posting.relay.seen, 429)


@libraries
def test_what_ferry_could_not_store_is_sent_again(posting: Posting, library: str) -> None:
    user = slug(library, "full")
    with posting.redis() as redis:

        def relieve(exchange: Exchange) -> None:
            if exchange.status == 503:
                redis.config_set("maxmemory", 0)

        posting.relay.after = relieve
        redis.config_set("maxmemory", 1)
        try:
            assert posting.post(library, *joining(user, 3)) == []
        finally:
            redis.config_set("maxmemory", 0)
    assert 503 in posting.relay.statuses()
    posting.deliver()
    for n in range(3):
        posting.person(f"{user}-{n}@example.com")
    if library.startswith("segment-python"):
        _waited(posting.relay.seen, 503)


def _empty_batch(up: Up, key: str) -> int:
    url = f"http://127.0.0.1:{up.port}/v1/batch"
    return requests.post(url, json={"batch": []}, auth=(key, ""), timeout=30).status_code


def _waited(seen: list[Exchange], status: int) -> None:
    """After an answer with that status the library let the time of Retry-After pass."""
    refused = next(number for number, exchange in enumerate(seen) if exchange.status == status)
    seconds = int(seen[refused].answer["Retry-After"])
    assert seen[refused + 1].began - seen[refused].ended >= seconds - 0.1
