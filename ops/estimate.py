"""Estimate how long an upload takes at Klaviyo's published limits, with its look-ups. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from identity.sending import IDENTIFIERS, SAMPLE, Proof
from klaviyo.calls import MAX_ROW_BYTES
from klaviyo.endpoints import PUBLISHED, Quota
from klaviyo.imports import MAX_ROWS
from klaviyo.lookups import MAX_VALUES
from ops.export.columns import LARGEST
from queues.rate_limits import SHARE

IMPORTS = PUBLISHED["bulk_import_profiles"]
#: The part of the limit that Ferry uses; the rest is left to the customer's other tools.
OURS: Quota = IMPORTS.less(SHARE)
#: The limits of the two look-ups: of profiles by an identifier, and of a list's members.
LOOK_UPS = PUBLISHED["get_profiles"]
PROOFS = PUBLISHED["get_profiles_for_list"]
#: Bytes of a profile up to which the largest number of rows fits into the largest upload.
FITTING_BYTES = MAX_ROW_BYTES // MAX_ROWS - 1
#: What limits the time: uploads, look-ups of identifiers, or look-ups that prove who is on the list.
Limit = Literal["uploads", "identity", "proof"]
#: Look-ups for a hundred people of an upload, one for each identifier that Klaviyo has.
QUESTIONS: Final = len(IDENTIFIERS)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimate of an upload. `rows`: profiles in one upload. `prove`: as the setting.

    `asks`: whether Klaviyo is asked which profiles have the identifiers, because it was not asked within 30 days.
    `minutes`: until the last request is made, without Klaviyo's own work.
    """

    profiles: int
    rows: int
    asks: bool = False
    prove: Proof = "off"

    @property
    def uploads(self) -> int:
        """Return the number of import jobs."""
        return math.ceil(self.profiles / self.rows)

    @property
    def identity(self) -> int:
        """Return the largest number of look-ups of identifiers; people with fewer identifiers need fewer."""
        return QUESTIONS * self._look_ups(MAX_VALUES) if self.asks else 0

    @property
    def proof(self) -> int:
        """Return the number of look-ups of list members, if everybody is found at the first attempt."""
        if self.prove == "all":
            return self._look_ups(MAX_VALUES)
        return self.uploads * math.ceil(SAMPLE / MAX_VALUES) if self.prove == "sample" else 0

    @property
    def minutes_for(self) -> dict[Limit, float]:
        """Return the minutes by the steady limits; the burst limits per second allow at least four times as many."""
        return {
            "uploads": self.uploads / OURS.steady,
            "identity": self.identity / LOOK_UPS.less(SHARE).steady,
            "proof": self.proof / PROOFS.less(SHARE).steady,
        }

    @property
    def minutes(self) -> float:
        """Return the longest of the three, which run in parallel, each with its own limit."""
        return max(self.minutes_for.values())

    @property
    def limit(self) -> Limit:
        """Return what takes longest."""
        found = self.minutes_for
        return max(found, key=lambda each: found[each])

    def _look_ups(self, people: int) -> int:
        """Return the number of look-ups that each cover `people` people of one upload."""
        full, rest = divmod(self.profiles, self.rows)
        return full * math.ceil(self.rows / people) + math.ceil(rest / people)


@dataclass(frozen=True, slots=True)
class Files:
    """An SFTP import. `profile_bytes`: bytes of one line. Klaviyo does not publish how fast it reads the files."""

    profiles: int
    profile_bytes: int

    @property
    def files(self) -> int:
        """Return the number of files of the largest size that Klaviyo accepts."""
        return math.ceil(self.profiles / (LARGEST // self.profile_bytes))


def rows_of(profile_bytes: int) -> int:
    """Return the number of profiles of that size in the largest upload."""
    return min(MAX_ROWS, MAX_ROW_BYTES // (profile_bytes + 1))
