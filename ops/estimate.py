"""How long an upload takes at Klaviyo's published limits, with the look-ups that go with it. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from identity.sending import IDENTIFIERS
from identity.settings import SAMPLE, Proof
from klaviyo.endpoints import PUBLISHED, Quota
from klaviyo.imports import MAX_ROW_BYTES, MAX_ROWS
from klaviyo.lookups import MAX_VALUES
from ops.export.columns import LARGEST
from queues.klaviyo_limits import SHARE

IMPORTS = PUBLISHED["bulk_import_profiles"]
#: Of it Ferry uses what it does not leave to the customer's other tools.
OURS: Quota = IMPORTS.less(SHARE)
#: The limits of the two look-ups: of profiles by an identifier, and of a list's members.
LOOK_UPS = PUBLISHED["get_profiles"]
PROOFS = PUBLISHED["get_profiles_for_list"]
#: Bytes of a profile up to which the largest number of rows fits into the largest upload.
FITTING_BYTES = MAX_ROW_BYTES // MAX_ROWS - 1
#: What limits the time: the uploads, the look-ups about identifiers, those that prove who is on the list.
Limit = Literal["uploads", "identity", "proof"]
#: Look-ups about a hundred people of an upload, one for each identifier that Klaviyo has.
QUESTIONS: Final = len(IDENTIFIERS)


@dataclass(frozen=True, slots=True)
class Estimate:
    """`rows`: profiles in one upload. `asks`: whether Klaviyo is asked who has their identifiers, because it was not
    within 30 days; `prove`: as the setting. `minutes`: until the last request is made; Klaviyo's own work comes
    besides.
    """

    profiles: int
    rows: int
    asks: bool = False
    prove: Proof = "off"

    @property
    def uploads(self) -> int:
        """Import jobs."""
        return math.ceil(self.profiles / self.rows)

    @property
    def identity(self) -> int:
        """Look-ups about identifiers, at most: people of whom the CDP names fewer cost less."""
        return QUESTIONS * self._look_ups(MAX_VALUES) if self.asks else 0

    @property
    def proof(self) -> int:
        """Look-ups of who is on the list, where everybody is found at once."""
        if self.prove == "all":
            return self._look_ups(MAX_VALUES)
        return self.uploads * math.ceil(SAMPLE / MAX_VALUES) if self.prove == "sample" else 0

    @property
    def minutes_for(self) -> dict[Limit, float]:
        """By the steady limits; the burst limits of a second allow four times as many and more."""
        return {
            "uploads": self.uploads / OURS.steady,
            "identity": self.identity / LOOK_UPS.less(SHARE).steady,
            "proof": self.proof / PROOFS.less(SHARE).steady,
        }

    @property
    def minutes(self) -> float:
        """The three go side by side, each with a limit of its own."""
        return max(self.minutes_for.values())

    @property
    def limit(self) -> Limit:
        """The one that takes longest."""
        found = self.minutes_for
        return max(found, key=lambda each: found[each])

    def _look_ups(self, people: int) -> int:
        """Each about so many people of one upload."""
        full, rest = divmod(self.profiles, self.rows)
        return full * math.ceil(self.rows / people) + math.ceil(rest / people)


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
