"""The revision of Klaviyo's API that Ferry uses."""

from __future__ import annotations

import os
from typing import Final

#: The revisions that Ferry's requests are written for and tested against, newest first.
TESTED: Final = ("2026-10-15", "2026-07-15")
_given = os.environ.get("FERRY_KLAVIYO_REVISION")
#: Read once, at import, as FERRY_PREFIX is; the settings refuse other revisions.
REVISION: Final = _given if _given in TESTED else TESTED[0]
#: ISO dates. Klaviyo keeps a revision stable for a year and deprecated for another year (Klaviyo: versioning policy).
DEPRECATED, RETIRED = (f"{int(REVISION[:4]) + years}{REVISION[4:]}" for years in (1, 2))
