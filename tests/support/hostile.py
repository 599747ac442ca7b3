"""A name that would steer a terminal, a log viewer or a spreadsheet, and a look for what does."""

from __future__ import annotations

import re

#: Clears the screen, sets the window's title, forges a line, overwrites its own, turns the reading direction, hides.
HOSTILE = (
    "VIP\x1b[2J\x1b]0;owned\x07\r\n2026 OK forged\x9b31m\x85\u202egnp.exe\u2066\u200b\u2028\ufeff\U000e0041\x7f\x08end"
)
#: What none of these may print raw; a line end is Ferry's own.
STEERS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]"
)
#: How the beginning of it is shown, and how JSON writes it.
SHOWN = r"VIP\x1b[2J\x1b]0;owned\x07"
IN_JSON = r"VIP\u001b[2J\u001b]0;owned\u0007"
