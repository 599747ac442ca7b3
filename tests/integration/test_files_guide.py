"""docs/files.md, from its first command to its last, does what it says, with a running group and a local Klaviyo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_args

import pytest

from local import group_files
from queues.snapshots.records import State
from tests.support.guide import done
from tests.support.klaviyo import Account
from tests.support.paths import ROOT
from tests.support.up import HurriedUp

GUIDE = (ROOT / "docs" / "files.md").read_text()
BLOCKS = [
    (heading.partition("\n")[0], block)
    for heading in re.split(r"^#+ ", GUIDE, flags=re.MULTILINE)
    for block in re.findall(r"^```sh\n(.*?)^```$", heading, re.DOTALL | re.MULTILINE)
]


class Told(NamedTuple):
    """What became of the guide. `said`: the output of each block; `klaviyo`: the account it was done in."""

    folder: Path
    said: list[str]
    klaviyo: Account

    def of(self, heading: str) -> str:
        """What the blocks under a heading said."""
        return "\n".join(said for (under, _), said in zip(BLOCKS, self.said, strict=True) if under == heading)


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Everything on the page is done, in one shell, and the changes that are still pending are delivered."""
    folder = tmp_path_factory.mktemp("guide")
    up = HurriedUp(folder / "var")
    try:
        up.wait_until_up()
        said = done(folder, [block for _, block in BLOCKS])
        flushed = up.ferry("flush", "--all", "--wait")
        assert flushed.returncode == 0, flushed.stdout + flushed.stderr + "".join(said)
        klaviyo = Account(group_files.read(folder / "var")["KLAVIYO_BASE_URL"])
        yield Told(folder, said, klaviyo)
        klaviyo.close()
    finally:
        up.end()


def test_every_command_of_the_guide_does_what_it_says(guide: Told) -> None:
    assert len(guide.said) == len(BLOCKS) > 10


def test_the_list_is_the_query(guide: Told) -> None:
    assert guide.klaviyo.members("VIPs") == {"ann@example.com", "bob@example.com", "cid@example.com"}


def test_a_snapshot_over_http_is_answered_with_its_name_and_where_it_is_told_how_it_goes(guide: Told) -> None:
    assert re.search(r'"snapshot":\s*"[^"]+"', guide.of("3. Send it"))
    assert "/v1/audiences/vips/syncs/" in guide.of("3. Send it")


def test_an_empty_result_is_held_and_the_right_one_takes_its_place(guide: Told) -> None:
    said = guide.of("The guard")
    assert "held, with exit code 1" in said
    assert "snapshot_guard" in said


def test_each_group_of_a_campaign_has_its_list_without_those_who_are_excluded(guide: Told) -> None:
    assert guide.klaviyo.members("Spring - Discount") == {"ann@example.com"}
    assert guide.klaviyo.members("Spring - Control") == {"cid@example.com"}


def test_a_group_has_the_members_of_an_audience_or_file_and_the_next_run_fills_the_same_lists(guide: Told) -> None:
    assert guide.klaviyo.members("Weekly - VIPs") == {"ann@example.com", "bob@example.com"}
    assert guide.klaviyo.members("Weekly - Newcomers") == {"dan@example.com"}
    for heading in ("Groups from audiences and files", "A campaign every week"):
        assert "Weekly - VIPs: 2 people, 1 left out." in guide.of(heading)
        assert "Weekly - Newcomers: 1 person, 1 left out." in guide.of(heading)


def test_the_files_for_klaviyo_have_the_columns_that_it_wants(guide: Told) -> None:
    (file,) = (guide.folder / "export").iterdir()
    head, *people = file.read_text().splitlines()
    assert (head, sorted(people)) == ("Email", ["ann@example.com", "bob@example.com", "cid@example.com"])


def test_the_ledger_and_the_list_are_found_to_be_the_same(guide: Told) -> None:
    assert "They are the same people." in guide.of("One person, and the whole list")


def test_nobodys_address_is_printed(guide: Told) -> None:
    assert "@example.com" not in "".join(guide.said)


def test_the_page_names_every_state_of_a_snapshot() -> None:
    section = GUIDE.partition("\n### 4. Watch it\n")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    assert {word for row in rows for word in re.findall(r"`(\w+)`", row)} == set(get_args(State))
