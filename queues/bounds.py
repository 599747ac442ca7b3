"""The limits on what the ledger keeps."""

from __future__ import annotations

from typing import Final

#: Pending changes allowed in one queue, and in all together.
PENDING_IN_QUEUE: Final = 1_000_000
PENDING: Final = 5_000_000
#: Dead letters that one queue keeps, and for how many ms (30 days).
LETTERS: Final = 10_000
LETTER_MS: Final = 30 * 86_400_000
#: Dead letters that one queue may have until the next housekeeping. accept.lua and settle.lua delete the oldest beyond
#: that, so that a flood of them does not fill Redis.
LETTERS_AT_MOST: Final = 2 * LETTERS
#: Changes whose outcome one queue keeps, and for how many ms (30 days).
TOLD: Final = 200_000
TOLD_MS: Final = 30 * 86_400_000
#: The share of Redis's memory above which nothing more is accepted, because delivery has to write too. accept.lua
#: enforces it exactly; a periodic check spares a full Redis the messages that it would refuse.
MEMORY_SHARE: Final = 0.9
