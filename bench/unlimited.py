"""`python -m bench.unlimited worker`: `ferry` without Klaviyo's limits, to measure its own work."""

from __future__ import annotations

from commands.main import main
from klaviyo.endpoints import PUBLISHED, Quota

if __name__ == "__main__":
    PUBLISHED.update(dict.fromkeys(PUBLISHED, Quota(burst=1_000_000, steady=1_000_000)))
    main(prog_name="ferry")
