"""Compressed bodies that are small on the wire and large in memory, or slow to unpack."""

from __future__ import annotations

import gzip
import time

import pytest
from redis import Redis

from intake.http import limits
from tests.support.intake import Intake
from tests.support.traps import MPARTICLE, SOUND, check_refused, message


@pytest.mark.parametrize("path", SOUND)
def test_gzip_in_more_pieces_than_anybody_sends_is_refused_at_once(steady: Intake, redis: Redis, path: str) -> None:
    nothing = gzip.compress(b"")
    body = nothing * (limits.BODY // len(nothing))
    started = time.monotonic()
    check_refused(steady, redis, path, body, Content_Encoding="gzip")
    assert time.monotonic() - started < 10
    few = nothing * (limits.STREAMS - 1) + gzip.compress(message(path, b"1", b"1"))
    assert steady.post(path, few, Content_Encoding="gzip").status_code == 202


def bomb(of: bytes, layers: int) -> bytes:
    packed = of
    for _ in range(layers):
        packed = gzip.compress(packed)
    return packed


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.parametrize(("layers", "status"), [(1, 413), (2, 400)])
def test_a_gzip_bomb_is_not_unpacked_beyond_the_limit(
    steady: Intake, redis: Redis, path: str, layers: int, status: int
) -> None:
    response = steady.post(path, bomb(b" " * 60_000_000, layers), Content_Encoding="gzip")
    assert response.status_code == status
    assert redis.keys() == []


def test_a_sender_without_a_token_cannot_make_the_intake_unpack_a_bomb(steady: Intake) -> None:
    started = time.monotonic()
    body = bomb(b" " * 50_000_000, 2)
    response = steady.post(MPARTICLE, body, token="", Content_Encoding="gzip")
    assert response.status_code == 401
    assert time.monotonic() - started < 10
