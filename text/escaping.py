"""Make names from outside safe to show: they must not control a terminal, a log viewer or a spreadsheet. Pure.

It is in the lowest room, because commands, logs, pages and alerts share it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

#: Invisible characters that control or hide output: C0 and C1 controls (with ESC, which begins an ANSI sequence),
#: format characters (bidirectional overrides, zero-width ones, tags), line and paragraph separators, lone surrogates,
#: and letters without a shape (Unicode: categories Cc, Cf, Zl, Zp, Cs, and the property Default_Ignorable_Code_Point).
_UNSEEN: Final = (
    "\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
#: A variation selector is kept only after a character whose form it selects, as in many emoji.
_STRAY_SELECTOR: Final = r"(?:^|(?<=[\w\s]))[\ufe00-\ufe0f](?!\u20e3)|(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]"
_HOSTILE: Final = re.compile(f"[{_UNSEEN}]|{_STRAY_SELECTOR}")
#: The only control character in Ferry's own text.
_LAYOUT: Final = "\n"
#: A spreadsheet takes a cell with such a first character, also a full-width one, for a formula (OWASP: CSV injection).
_FORMULA: Final = (*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def visible(text: str) -> str:
    r"""Return the text with every control or invisible character written out: `\x1b`, `\u202e`, `\U000e0001`.

    Escaping twice gives the same as escaping once, so a printer may escape text that its caller already escaped. For
    that reason backslashes stay.
    """
    return _HOSTILE.sub(_written_out, text)


def visible_lines(text: str) -> str:
    """Escape a text of several lines that Ferry wrote: its line ends stay."""
    return _HOSTILE.sub(lambda found: found[0] if found[0] == _LAYOUT else _written_out(found), text)


def visible_json(document: str) -> str:
    r"""Return an equal JSON document in which these characters are JSON escapes, such as `\u009b`.

    They occur only inside strings, so a program reads the same value.
    """
    return _HOSTILE.sub(lambda found: found[0] if found[0] == _LAYOUT else _json_escape(found[0]), document)


def spreadsheet_cell(text: str) -> str:
    """Return a cell without invisible characters, and with an apostrophe in front of what would be a formula."""
    return visible(f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text)


def csv_line(cells: Iterable[str], safe: bool = False) -> bytes:
    """Return a line of a CSV (RFC 4180); `safe`: no cell is a formula to a spreadsheet or has invisible characters."""
    text = io.StringIO(newline="")
    csv.writer(text).writerow(map(spreadsheet_cell, cells) if safe else cells)
    return text.getvalue().encode()


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
