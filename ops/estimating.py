"""How long an upload takes at Klaviyo's published limits. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from klaviyo.imports import MAX_ROW_BYTES, MAX_ROWS
from klaviyo.limiter import SHARE
from klaviyo.quotas import PUBLISHED, Quota
from ops.columns import LARGEST

IMPORTS = PUBLISHED["bulk_import_profiles"]
#: Of it Ferry uses what it does not leave to the customer's other tools.
OURS: Quota = IMPORTS.less(SHARE)
#: Bytes of a profile up to which the largest number of rows fits into the largest upload.
FITTING_BYTES = MAX_ROW_BYTES // MAX_ROWS - 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """`rows`: profiles in one upload. `minutes`: until the last upload is made; Klaviyo's own work comes after it."""

    profiles: int
    rows: int

    @property
    def uploads(self) -> int:
        """Import jobs."""
        return math.ceil(self.profiles / self.rows)

    @property
    def minutes(self) -> float:
        """By the steady limit; the burst limit of a second allows four times as many."""
        return self.uploads / OURS.steady


@dataclass(frozen=True, slots=True)
class Files:
    """An SFTP import. `profile_bytes`: of one line. How fast Klaviyo reads the files it publishes nowhere."""

    profiles: int
    profile_bytes: int

    @property
    def files(self) -> int:
        """Each as large as Klaviyo takes it."""
        return math.ceil(self.profiles / (LARGEST // self.profile_bytes))


def rows_of(profile_bytes: int) -> int:
    """Profiles of that size in the largest upload."""
    return min(MAX_ROWS, MAX_ROW_BYTES // (profile_bytes + 1))
