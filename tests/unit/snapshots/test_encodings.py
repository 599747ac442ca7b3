"""The encoding of a file is recognised or the file is refused; it is never guessed wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshots.encodings import likeliest
from snapshots.opening import opened
from snapshots.report import ReadReport
from snapshots.rows import Unreadable


def text(body: bytes, cut: int = 5, charset: str = "") -> str:
    pieces: Iterator[bytes] = (body[at : at + cut] for at in range(0, len(body), cut))
    return b"".join(opened(pieces, False, charset, ReadReport())).decode()


CITIES = {
    "cp1252": "Köln Málaga Orléans São_Paulo 12_€ O\u2019Neil Zürich JOSÉ Tromsø",
    "cp1250": "Łódź Gdańsk Kraków Świętochłowice Poznań Częstochowa",
    "cp1251": "Москва Новосибирск Екатерина",
    "shift_jis": "東京 大阪 やまだ スズキ",
    "gb18030": "北京 上海 王伟",
    "cp1253": "Αθήνα Θεσσαλονίκη",
    "cp1254": "İstanbul Muğla Şişli",
}


@pytest.mark.parametrize("times", [1, 3, 30])
@pytest.mark.parametrize("encoding", CITIES)
def test_a_sample_is_recognised_as_what_it_is_or_not_at_all(encoding: str, times: int) -> None:
    rows = "".join(f"p{number}@example.com,{city}\n" for number, city in enumerate(CITIES[encoding].split() * times))
    body = rows.encode(encoding)
    first = next(at for at, byte in enumerate(body) if byte > 127)
    found = likeliest(body[first:])
    assert found in (encoding, None)
    if encoding == "cp1252":
        assert found == encoding


@given(st.text("ab,\n\u00e9\u00fc\u20ac\u6771\U0001f600", max_size=40), st.integers(1, 9))
def test_utf8_and_utf16_come_back_however_they_are_cut(content: str, cut: int) -> None:
    assert text(content.encode(), cut) == content
    assert text(b"\xff\xfe" + content.encode("utf-16-le"), cut) == content


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("cut", [1, 2, 3, 7, 1_000])
def test_windows_1252_is_recognised_wherever_a_piece_ends(end: str, cut: int) -> None:
    content = "email,name\nann@example.com,Ren\u00e9" + end
    assert text(content.encode("cp1252"), cut) == content


@pytest.mark.parametrize(
    ("body", "charset", "place"),
    [
        ("a\n\u00e9\n".encode() + b"K\xf6ln\n", "", "line 3 is not UTF-8"),
        (b"a\nK\xf6ln\n", "utf-8", "line 2 is not UTF-8"),
        (b"a\nK\xf6ln\n", "windows-9", "encoding of the file is not known"),
        (b"a\nK\xf6ln\n", "hex", "encoding of the file is not known"),
        (b"a\n\x81\x8d\n", "", "line 2 is not UTF-8, and its encoding cannot be recognised"),
        (b"a\n\x81\n", "windows-1252", "line 2 is not cp1252"),
        (b"\xff\xfea", "", "line 1 is not utf-16-le"),
    ],
)
def test_what_is_in_no_or_in_two_encodings_is_refused_with_the_line(body: bytes, charset: str, place: str) -> None:
    with pytest.raises(Unreadable, match=place):
        text(body, charset=charset)
