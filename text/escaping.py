"""What somebody else named, made safe to show: a name must not steer a terminal, a log viewer or a spreadsheet. Pure.

A module beside the rooms, because commands, logs, pages and alerts share it.
"""

from __future__ import annotations

import re
from typing import Final

#: Characters that steer or hide instead of being seen: C0 and C1 controls (with ESC, which begins an ANSI sequence),
#: format characters (bidirectional overrides, zero-width ones, tags), line and paragraph separators, lone surrogates,
#: and letters without a shape (Unicode: categories Cc, Cf, Zl, Zp, Cs, and the property Default_Ignorable_Code_Point).
_UNSEEN: Final = (
    "\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
#: Variation selectors are left where they belong, behind a sign of which they choose the form, as in many an emoji.
_STRAY_SELECTOR: Final = r"(?:^|(?<=[\w\s]))[\ufe00-\ufe0f](?!\u20e3)|(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]"
_HOSTILE: Final = re.compile(f"[{_UNSEEN}]|{_STRAY_SELECTOR}")
#: What Ferry's own text is laid out with.
_LAYOUT: Final = "\n"
#: A cell that begins so is a formula to a spreadsheet, also in the wide forms of these signs (OWASP: CSV injection).
_FORMULA: Final = (*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def visible(text: str) -> str:
    r"""The text with every character that steers or hides written out: `\x1b`, `\u202e`, `\U000e0001`.

    Twice is the same as once, so that whoever prints may escape what a caller already has; a backslash stays as it is
    for that reason.
    """
    return _HOSTILE.sub(_written_out, text)


def visible_lines(text: str) -> str:
    """The same of a text that Ferry laid out itself: its line ends stay."""
    return _HOSTILE.sub(lambda found: found[0] if found[0] == _LAYOUT else _written_out(found), text)


def visible_json(document: str) -> str:
    r"""A JSON document of the same value, in which these characters are JSON's own escapes, such as `\u009b`.

    They stand within strings alone, so a program reads exactly what was there.
    """
    return _HOSTILE.sub(lambda found: found[0] if found[0] == _LAYOUT else _json_escape(found[0]), document)


def spreadsheet_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, by an apostrophe in front, and that holds nothing unseen."""
    return visible(f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text)


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
