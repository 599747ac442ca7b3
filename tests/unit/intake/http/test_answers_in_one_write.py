"""The head of an answer and the first part of its body leave in one write, and nothing is kept back."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from intake.http.protocol import _Joined

HEAD = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n"


class Recorded:
    """Notes what is written, and the end."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.writes.append(b"closed")

    def is_closing(self) -> bool:
        return b"closed" in self.writes


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def joined(recorded: Recorded) -> _Joined:
    return _Joined(cast("asyncio.Transport", recorded))


def test_a_head_leaves_with_the_first_part_of_its_body_and_later_parts_at_once(
    joined: _Joined, recorded: Recorded
) -> None:
    for data in (HEAD, b"{", b"}"):
        joined.write(data)
    assert recorded.writes == [HEAD + b"{", b"}"]


def test_an_answer_without_a_body_leaves_when_it_is_complete(joined: _Joined, recorded: Recorded) -> None:
    joined.write(HEAD)
    joined.flush()
    joined.flush()
    assert recorded.writes == [HEAD]


def test_the_word_to_go_on_sending_does_not_wait(joined: _Joined, recorded: Recorded) -> None:
    joined.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert recorded.writes == [b"HTTP/1.1 100 Continue\r\n\r\n"]


def test_a_connection_that_closes_sends_the_head_first(joined: _Joined, recorded: Recorded) -> None:
    joined.write(HEAD)
    assert not joined.is_closing()
    joined.close()
    assert recorded.writes == [HEAD, b"closed"]


def test_a_body_that_looks_like_a_head_is_sent_whole(joined: _Joined, recorded: Recorded) -> None:
    for data in (HEAD, b"x", HEAD):
        joined.write(data)
    joined.flush()
    assert b"".join(recorded.writes) == HEAD + b"x" + HEAD
