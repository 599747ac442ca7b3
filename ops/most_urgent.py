"""How many rows a table shows."""

from __future__ import annotations

from typing import Final

#: Most queues in one table: a screen can show thousands, but a person cannot read them.
SHOWN: Final = 200
