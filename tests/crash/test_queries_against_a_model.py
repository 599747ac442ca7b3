"""Runs of a query and single changes in any order, and processes that die: the list is what the model says.

tests/support/query_model.py says in words what that is. `make stories STORIES=200 SEED=7` tells other stories.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.support.identity_messages import VIPS
from tests.support.identity_world import IdentityWorld, identity_world
from tests.support.mortal import Mortal
from tests.support.query_story import QueryStory
from worker.queries import run as worker

#: Of two connections; the second one sends whole profiles. A query has the name of its audience.
CONNECTIONS = f"""
[connections.default]
default_attributes = ["tag"]
[connections.full]
api_key_env = "KLAVIYO_API_KEY"
full_profile = true
[sources.shop]
sqlite = "shop.sqlite"
[queries.42]
source = "shop"
sql_file = "people.sql"
name = "{VIPS}"
every = "1h"
[queries.43]
connection = "full"
source = "shop"
sql_file = "people.sql"
name = "{VIPS}"
every = "1h"
"""
SQL = "SELECT email, external_id, phone, tag FROM people ORDER BY n"
FIRST, STORIES = int(os.environ.get("FERRY_SEED", "1")), int(os.environ.get("FERRY_STORIES", "24"))
STEPS = 18
#: How often which step is taken, of 40.
WEIGHTS: dict[str, float] = {
    "edit": 9,
    "single": 5,
    "amid": 5,
    "begin": 6,
    "read": 5,
    "work": 5,
    "rest": 3,
    "cancel": 1,
}
WEIGHTS |= {"fail": 0.5, "hold": 0.5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("shop")
    (found / "people.sql").write_text(SQL)
    return found


@pytest.fixture(scope="module")
def shop(redis_server: str, folder: Path) -> Iterator[IdentityWorld]:
    with pytest.MonkeyPatch.context() as patch, identity_world(redis_server, CONNECTIONS, folder) as found:
        # Nobody else has the lease: what renews it would die in a thread of its own.
        patch.setattr(worker, "RENEW_S", 86_400.0)
        yield found


def tell(shop: IdentityWorld, folder: Path, random: Random, steps: list[str], *, full: bool) -> None:
    """Take these steps; whatever goes wrong is told with all that happened before."""
    with Mortal() as mortal:
        story = QueryStory(shop, mortal, folder, random, full=full)
        try:
            for step in [*steps, "rest", "last"]:
                story.go(step)
        except Exception as fault:
            fault.add_note("\n".join(story.told))
            raise


@pytest.mark.parametrize("seed", range(FIRST, FIRST + STORIES))
def test_the_list_is_what_the_model_says_whatever_changes_and_whoever_dies(
    shop: IdentityWorld, folder: Path, seed: int
) -> None:
    random = Random(seed)
    steps = random.choices([*WEIGHTS], [*WEIGHTS.values()], k=STEPS)
    tell(shop, folder, random, steps, full=bool(seed % 2))


@pytest.mark.parametrize("full", [False, True], ids=["the tag", "whole profiles"])
def test_an_empty_result_is_held_until_somebody_decides_whatever_comes_meanwhile(
    shop: IdentityWorld, folder: Path, full: bool
) -> None:
    steps = ["edit", "hold", "edit", "begin", "single", "hold", "edit", "hold"]
    tell(shop, folder, Random(FIRST), steps, full=full)
