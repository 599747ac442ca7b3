"""How much the ledger keeps."""

from __future__ import annotations

from typing import Final

#: Changes that may wait, in one queue and in all together.
PENDING_IN_QUEUE: Final = 1_000_000
PENDING: Final = 5_000_000
#: Dead letters that one queue keeps, and the ms for which it keeps one (30 days).
LETTERS: Final = 10_000
LETTER_MS: Final = 30 * 86_400_000
#: Dead letters that one queue may keep until the next housekeeping. accept.lua and settle.lua delete the oldest beyond,
#: so that no flood of them fills Redis meanwhile.
LETTERS_AT_MOST: Final = 2 * LETTERS
#: Changes of which one queue keeps what became of them, and the ms for which it does (30 days).
TOLD: Final = 200_000
TOLD_MS: Final = 30 * 86_400_000
#: The part of Redis's memory that may be used before nothing more is taken: delivery has to write, too. accept.lua
#: keeps to it exactly; looking now and then spares a full Redis the messages that it would refuse.
MEMORY_SHARE: Final = 0.9
