"""Recognise the encoding of text and convert it to UTF-8, piece by piece."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from charset_normalizer import from_bytes

from snapshots.lines import peeked
from snapshots.report import ReadReport
from snapshots.rows import Unreadable

#: What Excel writes in most of Europe and America, on Windows and, with lone carriage returns, on a Mac.
_WESTERN: Final = "cp1252"
_MAC: Final = "mac_roman"
#: Encodings of spreadsheets and databases elsewhere.
_ELSEWHERE: Final = ("cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "shift_jis", "gb18030", "big5", "euc_kr")
#: Bytes from the first one that is not UTF-8, by which the encoding is recognised.
_SAMPLE: Final = 65_536
#: Share of frequent letters (0 to 1) from which a language is recognised, and by which another one must be better.
_COHERENT: Final = 0.2
_BETTER: Final = 0.1
#: What is unlikely in the languages of Windows-1252: a sign within a word, a capital after a small letter, three
#: accented letters or two signs in a row, and the letters in which Icelandic and Turkish differ.
_UNLIKELY: Final = re.compile(
    "[a-z\u00e0-\u00ff][\u00a1-\u00bf\u00d7\u00f7](?=[a-z])|[\u00a3\u00af\u00b3\u00b9\u00bf](?=[A-Za-z\u00e0-\u00ff])"
    "|[a-z][\u00b3\u00b9\u00bf]|[a-z][\u00c0-\u00de\u0178\u017d\u0160]|[\u00c0-\u00ff]{3}"
    "|[\u00a1-\u00bf]{2}|[\u00d0\u00dd\u00de\u00f0\u00fe\x80-\x9f]"
)
REMEDY: Final = (
    "export the file as UTF-8, or name its encoding: ferry sync --encoding NAME, or Content-Type: text/csv; "
    "charset=NAME"
)


def named(charset: str) -> str:
    """Return Python's name of an announced encoding; empty for none. Raises Unreadable for an unknown one."""
    if not charset:
        return ""
    try:
        found = codecs.lookup(charset)
        b"ab".decode(charset, "ignore")  # refuses codecs that are not of text, such as hex
    except (LookupError, ValueError) as error:
        raise Unreadable(f"the announced encoding of the file is not known: {REMEDY}") from error
    # What calls itself ISO-8859-1 or ASCII is Windows-1252 in practice (WHATWG: Encoding Standard).
    return _WESTERN if found.name in ("iso8859-1", "ascii") else found.name


def wide(start: bytes) -> str:
    """Return the encoding of a file that begins with ASCII in two bytes a character, without a byte order mark."""
    high, low = start[1::2], start[0::2]
    if len(start) < 4 or any(high) == any(low):
        return ""
    return "utf-16-be" if any(high) else "utf-16-le"


def converted(pieces: Iterator[bytes], encoding: str, report: ReadReport, line: int = 1) -> Iterator[bytes]:
    """Yield text of that encoding as UTF-8. `line`: number of its first line. Raises Unreadable naming the line."""
    report.encoding = encoding
    decoder = codecs.getincrementaldecoder(encoding)()
    for piece, final in _with_end(pieces):
        try:
            text = decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].decode(encoding, errors="ignore").count("\n")
            raise Unreadable(f"line {line:,} is not {encoding}, the encoding of the file: {REMEDY}") from error
        line += text.count("\n")
        yield text.encode(errors="surrogatepass")


def recognised(pieces: Iterator[bytes], announced: bool, report: ReadReport) -> Iterator[bytes]:
    """Yield UTF-8 unchanged; from the first byte that is not UTF-8 on, recognise and convert another encoding.

    Up to there everything must be ASCII, which is the same in all of them: otherwise the file has two encodings.
    `announced`: the sender says that it is UTF-8. Raises Unreadable.
    """
    report.encoding = "utf-8"
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, only_ascii = 1, True
    for piece, final in _with_end(pieces):
        # A character that the end of a piece cuts is yielded with the rest of it.
        held = decoder.getstate()[0]
        try:
            decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            before = error.object[: error.start]
            line += before.count(b"\n")
            if announced or not (only_ascii and before.isascii()):
                raise Unreadable(f"line {line:,} is not UTF-8: {REMEDY}") from error
            yield before
            yield from _legacy(chain([error.object[error.start :]], pieces), line, report)
            return
        found = held + piece
        found = found[: len(found) - len(decoder.getstate()[0])]
        only_ascii = only_ascii and found.isascii()
        line += found.count(b"\n")
        yield found


def _legacy(pieces: Iterator[bytes], line: int, report: ReadReport) -> Iterator[bytes]:
    """Convert the rest of a file, which begins with the first byte that is not ASCII."""
    whole = peeked(pieces, _SAMPLE)
    sample = next(whole, b"")
    encoding = likeliest(sample[:_SAMPLE])
    if encoding is None:
        raise Unreadable(f"line {line:,} is not UTF-8, and its encoding cannot be recognised: {REMEDY}")
    report.recognised = True
    yield from converted(chain([sample], whole), encoding, report, line)


def likeliest(sample: bytes) -> str | None:
    """Return the encoding of a sample; None when several are about as likely. Pure."""
    # The last character may be incomplete.
    sample = sample[: max(sample.rfind(b"\n"), sample.rfind(b"\r")) + 1] or sample
    western = _MAC if b"\r" in sample and b"\n" not in sample else _WESTERN
    coherence = {
        each: match.coherence
        for match in from_bytes(sample, cp_isolation=[_WESTERN, *_ELSEWHERE])
        for each in match.could_be_from_charset
    }
    usual = coherence.pop(_WESTERN, 0.0)
    best, *others = sorted(coherence, key=lambda each: -coherence[each]) or [""]
    clear = max([usual, *(coherence[each] for each in others)]) + _BETTER
    if best in _ELSEWHERE and coherence[best] > max(_COHERENT, clear):
        return best
    return western if _is_likely(sample, western) else None


def _is_likely(sample: bytes, encoding: str) -> bool:
    try:
        return _UNLIKELY.search(sample.decode(encoding)) is None
    except UnicodeDecodeError:
        return False


def _with_end(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    for piece in pieces:
        yield piece, False
    yield b"", True
