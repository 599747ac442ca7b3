from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshots.lines import blocks, lines
from snapshots.opening import unpacked
from snapshots.rows import Unreadable


def _pieces(body: bytes, cut: int) -> Iterator[bytes]:
    return (body[at : at + cut] for at in range(0, len(body), cut))


@given(st.lists(st.binary(max_size=400), min_size=1, max_size=4), st.integers(1, 50))
def test_gzip_of_several_members_is_unpacked_however_it_is_cut(parts: list[bytes], cut: int) -> None:
    packed = b"".join(map(gzip.compress, parts))
    assert b"".join(unpacked(_pieces(packed, cut), gzip=True)) == b"".join(parts)


@given(st.binary(max_size=400), st.data())
def test_gzip_that_breaks_off_anywhere_is_refused(body: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(body)
    kept = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(Unreadable, match=f"truncated after {kept} bytes"):
        [*unpacked(_pieces(packed[:kept], 13), gzip=True)]


@pytest.mark.parametrize(
    "body",
    [b"email\n", gzip.compress(b"email\n") + b"trailing", gzip.compress(b"x" * 99)[:-8] + b"x" * 8],
    ids=["plain", "trailing", "wrong checksum"],
)
def test_what_is_no_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable, match="send the complete file again"):
        [*unpacked(iter([body]), gzip=True)]


def test_a_body_that_unpacks_to_very_much_never_stands_in_memory() -> None:
    packed = gzip.compress(b"a@example.com\n" * 3_000_000)
    tracemalloc.start()
    assert sum(len(piece) for piece in unpacked(iter([packed]), gzip=True)) == 42_000_000
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5_000_000


@given(st.binary(max_size=80), st.integers(1, 9))
def test_blocks_are_whole_lines_without_a_byte_order_mark_and_know_their_place(body: bytes, cut: int) -> None:
    plain = body.removeprefix(b"\xef\xbb\xbf")
    found = [*blocks(_pieces(body, cut))]
    assert b"".join(block for _, block in found) == plain
    assert all(block.endswith(b"\n") for _, block in found[:-1])
    before = 0
    for first, block in found:
        assert first == before + 1
        before += block.count(b"\n")


def test_a_block_stays_small_however_large_a_piece_is() -> None:
    line = b"x" * 999 + b"\n"
    found = [*blocks(iter([line * 3_000]))]
    assert sum(len(block) for _, block in found) == 3_000_000
    assert max(len(block) for _, block in found) < 70_000


@given(st.binary(max_size=80), st.integers(1, 9))
def test_lines_are_what_newlines_part_without_a_byte_order_mark(body: bytes, cut: int) -> None:
    plain = body.removeprefix(b"\xef\xbb\xbf")
    found = [*lines(_pieces(body, cut))]
    assert b"".join(found) == plain
    assert all(b"\n" not in line[:-1] for line in found)
    assert len(found) == plain.count(b"\n") + (not plain.endswith(b"\n") and bool(plain))


@pytest.mark.parametrize("end", [b"", b"\n", b"\n{}\n"])
def test_a_line_of_over_1_mb_is_refused_with_its_number(end: bytes) -> None:
    with pytest.raises(Unreadable, match="line 2 is longer than 1,000,000 bytes"):
        [*lines(iter([b"{}\n" + b"x" * 1_000_001 + end]))]


def test_a_line_that_never_ends_is_refused_before_it_fills_the_memory() -> None:
    def endless() -> Iterator[bytes]:
        yield b"email\n"
        while True:
            yield b"x" * 100_000

    with pytest.raises(Unreadable, match="line 2 is longer than 1,000,000 bytes"):
        [*blocks(endless())]
