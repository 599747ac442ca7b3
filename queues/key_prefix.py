"""FERRY_PREFIX: the prefix of every key in Redis, with which two installations can share one server."""

from __future__ import annotations

import os
from typing import Final

#: Read once, at import, as RQ reads its own prefix. `ferry` sets the variable from the group file first.
PREFIX: Final = os.environ.get("FERRY_PREFIX", "")
