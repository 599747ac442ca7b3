"""Users: names, tokens, roles."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from console.auth.roles import NOBODY, Visitor
from console.shell import badges, menu
from queues import users
from queues.census import Census
from queues.holds import Hold
from queues.queries.records import LastRun, QueryRun
from queues.snapshots.records import Record, SnapshotOrder
from queues.users import Role, User
from tests.support.ops import LAPSED, counted

ANN = User("ann", Role.VIEWER, users.digest("ferry_ann"), 1)
BEN = User("ben", Role.ADMIN, users.digest("ferry_ben"), 1)


@pytest.mark.parametrize("name", ["ann", "on-call.2", "a", "x" * 40])
def test_a_name_is_short_and_plain(name: str) -> None:
    assert users.is_name(name)


@pytest.mark.parametrize("name", ["", "admin", "Ann", "ann@example.com", "-ann", "x" * 41, "a b", "ann\n"])
def test_a_name_is_no_address_and_not_that_of_the_environments_admin(name: str) -> None:
    assert not users.is_name(name)


def test_a_token_says_whose_it_is() -> None:
    assert users.find("ferry_ben", [ANN, BEN]) is BEN
    assert users.find("ferry_be", [ANN, BEN]) is None
    assert users.find("", [ANN, BEN]) is None
    assert users.find(BEN.hash, [ANN, BEN]) is None, "what is kept opens nothing"
    assert users.find("\udcff", [ANN, BEN]) is None


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {users.new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 43 + len("ferry_")


def test_what_is_printed_of_a_user_holds_nothing_of_the_token() -> None:
    assert repr(ANN) == "User(ann, viewer)"


def test_each_role_may_do_what_those_before_it_may() -> None:
    roles = sorted(Role)
    assert [str(role) for role in roles] == ["nobody", "viewer", "operator", "admin"]
    for role in roles:
        assert [Visitor("x", role).may(needed) for needed in roles] == [needed <= role for needed in roles]


def test_the_menu_shows_nobody_anything_and_everybody_what_they_may_see() -> None:
    assert menu(NOBODY) == []
    assert "Audit log" not in names(Visitor("ann", Role.VIEWER))
    assert "Audit log" in names(Visitor("ben", Role.OPERATOR))
    assert {"Overview", "Holds"} <= {*names(Visitor("ann", Role.VIEWER))}


def names(who: Visitor) -> list[str]:
    """What stands in the menu."""
    return [page.name for _, pages in menu(who) for page in pages]


def test_a_page_has_a_badge_for_what_needs_somebody_and_none_for_zero() -> None:
    held = counted(hold=Hold("list_gone", 1, "Restore it."), kept=3)
    found = badges(Census(1, (held, counted(LAPSED)), {"brand-b": Hold("campaign", 1)}, 1, {}), {})
    assert {path: (badge.count, badge.state) for path, badge in found.items()} == {
        "/dead": (3, "bad"),
        "/holds": (2, "bad"),
    }
    assert badges(Census(1, (counted(),), {}, 1, {}), {}) == {}


def test_the_badge_of_queries_counts_those_whose_last_run_or_its_snapshot_failed() -> None:
    submitted = QueryRun("vips-1", "vips", "submitted", "schedule", 1)
    snapshot = Record("default/snapshot/vips", SnapshotOrder("04-1", 1, "ndjson"), 1, 1)
    lasts = {
        "good": LastRun(submitted, snapshot),
        "missed": LastRun(replace(submitted, state="missed")),
        "snapshot failed": LastRun(submitted, replace(snapshot, state="failed")),
    }
    assert badges(Census(1, (), {}, 1, {}), lasts)["/queries"].count == 2
