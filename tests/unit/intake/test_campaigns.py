"""What a campaign comes to: whose list is what, who is on it, and what is said of one that cannot be read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import falcon
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from configuration.connections import Connection, Connections
from identity.blocked import Blocked
from identity.sending import Policy
from intake.campaigns import members as campaign_members
from intake.campaigns import reading
from intake.campaigns.reading import PlannedSnapshot
from intake.http import limits
from tests.support.senders import choose

NOW = 1_795_000_000_000  # 2026-11-18T11:06:40Z
CHOOSE = choose(Connections({name: Connection(name) for name in ("default", "brand-b")}))
ANN = {"email": "ann@example.com", "plan": "gold"}
BOB = {"email": "bob@example.com"}


def campaign(*groups: tuple[str, list[Any]], **more: Any) -> dict[str, Any]:
    return {"name": "Summer sale", "groups": [{"name": name, "members": members} for name, members in groups]} | more


TWO = campaign(("A", [ANN]), ("B", [BOB]))


def read(posted: Any) -> list[PlannedSnapshot]:
    return reading.read(posted if isinstance(posted, bytes) else json.dumps(posted).encode(), CHOOSE, NOW)


def members(snapshot: PlannedSnapshot) -> list[Any]:
    return [json.loads(member.line) for member in snapshot.members]


def refusal(posted: Any) -> str:
    with pytest.raises(falcon.HTTPBadRequest) as refused:
        read(posted)
    assert "ann@" not in str(refused.value.description)
    return str(refused.value.description)


def test_each_group_is_a_list_unless_they_are_merged() -> None:
    first, second = read(TWO)
    assert [each.order.list_name for each in (first, second)] == ["Summer sale - A", "Summer sale - B"]
    assert (members(first), members(second)) == ([ANN], [BOB])
    (merged,) = read(TWO | {"lists": "merged"})
    assert (merged.order.list_name, merged.order.group, members(merged)) == ("Summer sale", "", [ANN, BOB])


def test_what_is_asked_for_is_in_every_order() -> None:
    more = {"attributes": ["plan"], "confirm": True, "launch_at": "2026-12-01T08:00:00Z", "connection": "brand-b"}
    snapshots = read(TWO | more)
    for each in snapshots:
        order = each.order
        assert (order.attributes, order.confirmed, order.not_before) == (("plan",), True, 1_796_112_000_000)
        assert (order.at, order.format, order.campaign, order.gzip) == (NOW, "ndjson", "Summer sale", False)
        assert (each.queue.connection, each.queue.kind) == ("brand-b", "snapshot")
    assert {each.order.group for each in snapshots} == {"A", "B"}


def test_without_attributes_those_of_the_connection_are_sent_and_with_none_none() -> None:
    assert read(TWO | {"attributes": None})[0].order.attributes is None
    assert read(TWO | {"attributes": []})[0].order.attributes == ()


def test_a_list_has_an_audience_of_its_own_which_is_the_same_whichever_campaign_comes() -> None:
    def audience(posted: dict[str, Any]) -> str:
        return read(posted)[0].queue.target

    usual = audience(TWO)
    assert usual == audience(campaign(("A", []), ("B", [BOB]), confirm=True))
    assert usual.startswith("campaign:summer-sale-a-")
    others = [
        audience(TWO | {"name": "Summer-sale"}),
        audience(TWO | {"lists": "merged"}),
        audience(TWO | {"list_name": "{{ group_name }}"}),
        audience(campaign(("a", []))),
        usual,
    ]
    assert len(set(others)) == len(others)
    shared = {"list_name": "Everybody", "lists": "merged"}
    assert audience(TWO | shared) == audience(TWO | shared | {"name": "Winter sale"})


@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u200b\u3164", None])
def test_a_list_name_of_blanks_counts_as_none(blank: str | None) -> None:
    assert [each.order.list_name for each in read(TWO | {"list_name": blank})] == ["Summer sale - A", "Summer sale - B"]


@given(st.text(min_size=1, max_size=100), st.text(min_size=1, max_size=100))
def test_the_audience_of_any_list_is_an_audience_id_that_an_address_can_name(name: str, group: str) -> None:
    (each,) = read(campaign((group, []), name=name))
    assert re.fullmatch(r"campaign:[a-z0-9-]*-[0-9a-f]{12}", each.queue.target)
    assert len(each.queue.target) <= limits.AUDIENCE_ID


def test_a_member_written_over_several_lines_is_one_line() -> None:
    posted = json.dumps(campaign(("A", [ANN | {"note": "two\nlines\r\n"}, BOB])), indent=2).replace("\n", "\r\n")
    (each,) = read(posted.encode())
    assert members(each) == [ANN | {"note": "two\nlines\r\n"}, BOB]
    assert not any(b"\n" in member.line for member in each.members)


@pytest.mark.parametrize(
    ("excluded", "member"),
    [
        ({"email": "ann@example.com"}, {"email": " Ann@Example.com"}),
        ({"email": "ann@example.com", "external_id": "7"}, {"phone": "+14155552671", "external_id": 7}),
        ({"phone": "+1 415 555-2671"}, {"phone_number": "(415) 555-2671", "country": "US"}),
        ({"phone": "+14155552671"}, {"email": "ann@example.com", "phone": "+14155552671"}),
        ({"external_id": "c-1"}, {"email": ["a@example.com", "b@example.com"], "customer_id": "c-1"}),
        ({"phone": "+14155552671"}, {"email": ["a@example.com", "b@example.com"], "phone": "+1 415 555 2671"}),
        ({"email": ["a@example.com", "b@example.com"], "phone": "+14155552671"}, {"phone": "+1 415 555 2671"}),
        ({"email": "b@example.com"}, {"email": ["a@example.com", "b@example.com"]}),
        ({"email": ["b@example.com", "c@example.com"]}, {"Email": "c@example.com"}),
    ],
)
def test_whoever_shares_an_identity_with_an_exclusion_is_left_out(excluded: Any, member: Any) -> None:
    (each,) = read(campaign(("A", [member, BOB]), exclusions=[excluded]))
    assert (members(each), each.excluded) == ([BOB], 1)


@pytest.mark.parametrize(
    "shared",
    [{"phone": "+14155552671"}, {"external_id": "0"}, {"external_id": "null"}, {"external_id": "till"}],
)
def test_nobody_is_left_out_for_a_phone_in_the_family_or_an_id_that_is_nobodys(shared: dict[str, str]) -> None:
    known = Connections({"default": Connection("default", identity=Policy(blocked=Blocked(values=("till",))))})
    posted = campaign(("A", [ANN | shared, BOB]), exclusions=[{"email": "mum@example.com"} | shared])
    (each,) = reading.read(json.dumps(posted).encode(), choose(known), NOW)
    assert (members(each), each.excluded) == ([ANN | shared, BOB], 0)


def test_an_exclusion_of_nothing_but_an_id_that_is_nobodys_is_refused() -> None:
    assert refusal(TWO | {"exclusions": [{"external_id": "0"}]}).startswith("$.exclusions[0]: identifier_blocked")


PEOPLE = st.fixed_dictionaries(
    {"email": st.sampled_from([f"{name}@example.com" for name in "abcd"])},
    optional={"external_id": st.sampled_from(["1", "2", "3"])},
)


@given(st.lists(PEOPLE), st.lists(PEOPLE))
def test_nobody_else_is_left_out(posted: list[dict[str, str]], exclusions: list[dict[str, str]]) -> None:
    def raw(people: list[dict[str, str]]) -> list[Raw]:
        return [Raw(json.dumps(person).encode()) for person in people]

    gone = {pair for person in exclusions for pair in person.items()}
    out = campaign_members.excluded(raw(exclusions), Connection("default"))
    kept = campaign_members.kept([*campaign_members.read(raw(posted), "$", Connection("default"))], out)
    assert [json.loads(each.line) for each in kept] == [person for person in posted if gone.isdisjoint(person.items())]


def test_a_member_who_cannot_be_sent_keeps_nobody_back() -> None:
    odd: list[Any] = [{"email": None}, {"email": "no address"}, {}, {"plan": "gold"}]
    (each,) = read(campaign(("A", [*odd, ANN]), exclusions=[BOB]))
    assert members(each) == [*odd, ANN]


VIPS = {"name": "B", "audience": "vips"}
DEEP: Any = json.loads("[" * 70 + "]" * 70)


@pytest.mark.parametrize(
    ("posted", "told"),
    [
        (b"", "$: Input data was truncated"),
        (b"[]", "$: Expected `object`, got `array`"),
        (b"\xff", "$: not UTF-8 (byte 0)"),
        ({"name": "x"}, "$: Object missing required field `groups`"),
        ({"groups": [{}]}, "$: Object missing required field `name`"),
        (TWO | {"name": ""}, "$.name: Expected `str` of length >= 1"),
        (TWO | {"name": "x" * 256}, "$.name: Expected `str` of length <= 255"),
        (campaign(), "$.groups: Expected `array` of length >= 1"),
        (TWO | {"groups": [{}] * 1_001}, "$.groups: Expected `array` of length <= 1000"),
        (TWO | {"groups": [TWO["groups"][0], 5]}, "$.groups[1]: Expected `object`, got `int`"),
        (TWO | {"groups": [{"name": "A"}]}, "$.groups[0]: needs either members or audience"),
        (TWO | {"groups": [{"name": "", "members": []}]}, "$.groups[0].name: Expected `str` of length >= 1"),
        (
            b'{"name":"x","groups":[{"name":"A","members":[],"members":[{}]}]}',
            "$.groups[0].members: appears twice",
        ),
        (b'{"name":"x","name":"y","groups":[{"name":"A","members":[]}]}', "$.name: appears twice"),
        (
            b'{"name":"x","groups":[{"name":"A","members":[{},{"email":"a@example.com","email":"b@example.com"}]}]}',
            "$.groups[0].members[1].email: appears twice",
        ),
        (
            b'{"name":"x","groups":[{"name":"A","members":[]}],"exclusions":[{"external_id":"1","external_id":"2"}]}',
            "$.exclusions[0].external_id: appears twice",
        ),
        (TWO | {"exclusion": [ANN]}, "$.exclusion: unknown; did you mean exclusions?"),
        (TWO | {"Exclusions": [ANN]}, "$.Exclusions: unknown; did you mean exclusions?"),
        (TWO | {"launchat": "2026-12-01"}, "$.launchat: unknown; did you mean launch_at?"),
        (TWO | {"zzz": None}, "$.zzz: unknown; known names: name, groups, connection, exclusions, excluded_audiences"),
        (TWO | {"ann@example.com": 1}, "$.(a name of 15 characters): unknown; known names:"),
        (
            campaign() | {"groups": [{"name": "A", "members": [], "exclusions": [ANN]}]},
            "$.groups[0].exclusions: unknown; known names: name, members",
        ),
        (
            campaign() | {"groups": [{"name": "A", "member": [ANN]}]},
            "$.groups[0].member: unknown; did you mean members?",
        ),
        (
            campaign() | {"groups": [{"name": "A", "members": [], "splits": {"A": 50, "B": 50}}]},
            "$.groups[0].splits: unknown; did you mean split?",
        ),
        (
            TWO | {"groups": [{"name": "A", "members": [], "audience": "vips"}]},
            "$.groups[0]: needs either members or audience",
        ),
        (TWO | {"groups": [{"name": "A", "audience": ""}]}, "$.groups[0].audience: Expected `str` of length >= 1"),
        (
            TWO | {"groups": [{"name": "A", "audience": "vips"}], "exclusions": [BOB, {"external_id": "c-1"}]},
            "$.exclusions[1]: a group comes from an audience, which knows people by e-mail; add it",
        ),
        (
            campaign(("A", [ANN, {"phone": "+14155552671"}]), excluded_audiences=["gone"]),
            "$.groups[0]: members[1] has no e-mail, by which members are compared with audiences",
        ),
        (
            TWO | {"groups": [{"name": "A", "members": [{"external_id": "c-1"}]}, VIPS], "exclusive": True},
            "$.groups[0]: members[0] has no e-mail",
        ),
        (TWO | {"name": "\u200b ", "lists": "merged"}, "$.list_name: the name has no visible characters"),
        (campaign(("A", []), ("B", [ANN, ANN, BOB, 5])), "$.groups[1].members[3] is not an object"),
        (campaign(("A", [ANN | {"attributes": [1]}])), "$.groups[0].members[0] has attributes that are not an object"),
        (campaign(("A", [{"email": "x" * 1_000_001}])), "$.groups[0].members[0] is longer than 1,000,000 bytes"),
        (campaign(("A", [ANN | {"x": DEEP}])), "$.groups[0].members[0].x...: nested too deeply, over 64 levels"),
        (b'{"name":"x","groups":[{"name":"A","members":[{"email":"\\ud800"}]}]}', "$: JSON is malformed"),
        (TWO | {"exclusions": [{}]}, "$.exclusions[0]: identity_missing"),
        (TWO | {"exclusions": [BOB, {"email": "no address"}]}, "$.exclusions[1]: email_invalid"),
        (TWO | {"exclusions": [BOB, "ann@example.com"]}, "$.exclusions[1] is not an object"),
        (TWO | {"exclusions": {}}, "$.exclusions: Expected `array | null`, got `object`"),
        (TWO | {"attributes": ["plan", 5]}, "$.attributes[1]: Expected `str`, got `int`"),
        (TWO | {"lists": "each"}, "$.lists: Invalid enum value; it must be one of per_group, merged"),
        (TWO | {"list_name": "{{ nobody }}"}, "$.list_name: "),
        (TWO | {"list_name": "{{ campaign_name"}, "$.list_name: "),
        (TWO | {"list_name": "x" * 256}, "$.list_name: the name has 256 characters"),
        (TWO | {"launch_at": "soon"}, "$.launch_at: neither ISO 8601 nor ms since 1970"),
        (TWO | {"launch_at": 1_795_000_000}, "$.launch_at: not between 1973 and 2286"),
        (TWO | {"list_name": "{{ campaign_name }}"}, "$.groups[1]: its list has the same name as that of $.groups[0]"),
        (campaign(("A", []), ("B", []), ("A", [])), "$.groups[2]: its list has the same name as that of $.groups[0]"),
        (campaign(("A", []), (" A", []), list_name="{{ group_name }}"), "$.groups[1]: its list has the same name"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused_naming_the_place(posted: Any, told: str) -> None:
    assert refusal(posted).startswith(told)


def test_a_connection_that_is_not_known_is_not_found() -> None:
    with pytest.raises(falcon.HTTPNotFound) as refused:
        read(TWO | {"connection": "nowhere"})
    assert "brand-b" in str(refused.value.description)


def test_somebody_in_several_exclusive_groups_is_on_the_list_of_the_first() -> None:
    cid = {"external_id": "c-1", "email": "cid@example.com"}
    groups = ("A", [ANN, cid]), ("B", [BOB, {"email": "ANN@example.com"}, {"external_id": "c-1"}]), ("C", [BOB])
    both = [members(each) for each in read(campaign(*groups))]
    assert [len(each) for each in both] == [2, 3, 1]
    apart = read(campaign(*groups, exclusive=True))
    assert [members(each) for each in apart] == [[ANN, cid], [BOB], []]
    assert [each.excluded for each in apart] == [0, 2, 1]


def test_a_group_is_divided_by_percent_and_everybody_stays_in_the_same_part() -> None:
    people = [{"email": f"person{number}@example.com"} for number in range(2_000)]
    posted = campaign(("All", people))
    posted["groups"][0]["split"] = {"Offer": 80, "Control": 20}
    offer, control = read(posted)
    assert [each.order.list_name for each in (offer, control)] == [
        "Summer sale - All - Offer",
        "Summer sale - All - Control",
    ]
    assert [each.order.group for each in (offer, control)] == ["All - Offer", "All - Control"]
    assert (len(offer.members) + len(control.members), offer.excluded + control.excluded) == (2_000, 0)
    assert 330 < len(control.members) < 470
    # Fewer people, in another order and written otherwise: each is in the same part.
    fewer = campaign(("All", [{"email": each["email"].upper()} for each in people[::-3]]))
    fewer["groups"][0]["split"] = {"Offer": 80, "Control": 20}
    before = {each["email"] for each in members(control)}
    assert {each["email"].lower() for each in members(read(fewer)[1])} <= before
    # A larger part keeps its people; another campaign divides differently.
    posted["groups"][0]["split"] = {"Offer": 90, "Control": 10}
    assert {each["email"] for each in members(read(posted)[1])} < before
    other = {each["email"] for each in members(read(posted | {"name": "Winter sale"})[1])}
    assert not other <= before


def test_the_order_of_parts_in_a_message_moves_nobody() -> None:
    posted = campaign(("All", [{"email": f"person{number}@example.com"} for number in range(300)]))
    posted["groups"][0]["split"] = {"Offer": 50, "Test": 30, "Control": 20}
    offer, test, control = map(members, read(posted))
    posted["groups"][0]["split"] = {"Control": 20, "Offer": 50, "Test": 30}
    assert [*map(members, read(posted))] == [control, offer, test]


def test_each_group_is_read_and_divided_once(monkeypatch: pytest.MonkeyPatch) -> None:
    divided: list[str] = []

    def part(campaign: str, parts: Mapping[str, int], identity: str) -> str:
        divided.append(identity)
        return campaign_members.part_of(campaign, parts, identity)

    monkeypatch.setattr(reading, "part_of", part)
    posted = campaign(("All", [ANN, BOB]))
    posted["groups"][0]["split"] = {f"P{number}": 2 for number in range(50)}
    assert sum(len(each.members) for each in read(posted)) == len(divided) == 2


def test_a_campaign_that_reads_audiences_too_often_is_refused_naming_the_place_and_the_limit() -> None:
    groups = [{"name": f"G{number}", "audience": f"a{number}"} for number in range(14)]
    # Thirteen lists read 13 audiences and 12 + 11 + ... + 1 that are on earlier lists, 91 in all.
    assert len(read(TWO | {"groups": groups[:13], "exclusive": True})) == 13
    said = refusal(TWO | {"groups": groups, "exclusive": True})
    assert said.startswith("$.groups[13]: each list reads its audiences and the excluded ones")
    assert f"105 in all; at most {limits.COMPARED:,} are read" in said
    twice = TWO | {"excluded_audiences": ["gone"] * 200}
    assert [len(each.out_of) for each in read(twice)] == [1, 1]


def test_a_campaign_has_no_more_parts_than_groups() -> None:
    posted = campaign(*((f"G{number}", [ANN]) for number in range(21)))
    for group in posted["groups"]:
        group["split"] = {f"P{number}": 2 for number in range(50)}
    assert refusal(posted).startswith("$.groups: they have 1,050 parts in all, and at most 1,000 are taken")


@pytest.mark.parametrize(
    ("split", "more", "says"),
    [
        ({"A": 80, "B": 30}, {}, "$.groups[0].split: the parts are 110 percent, not 100"),
        ({"A": 50}, {}, "$.groups[0].split"),
        ({"A": 100, "B": 0}, {}, "$.groups[0].split"),
        (
            {"A": 50.5, "B": 49.5},
            {},
            "$.groups[0].split: name two parts or more with whole percentages from 1 to 99, 100 in all",
        ),
        ({"A": 50, "B": 50}, {"lists": "merged"}, "$.groups[0].split: the groups are merged"),
        (
            {"A": 50, "B": 50},
            {"list_name": "One"},
            "$.groups[0], part B: its list has the same name",
        ),
    ],
)
def test_a_division_that_does_not_add_up_is_refused(split: dict[str, float], more: dict[str, str], says: str) -> None:
    posted = campaign(("All", [ANN]), **more)
    posted["groups"][0]["split"] = split
    assert refusal(posted).startswith(says)


def test_an_exclusive_group_leaves_out_the_audiences_of_earlier_groups_but_not_its_own() -> None:
    split = {"name": "A", "audience": "vips", "split": {"1": 50, "2": 50}}
    groups = [split, {"name": "B", "members": [ANN]}, {"name": "C", "audience": "gold"}]
    found = read(TWO | {"groups": groups, "exclusive": True, "excluded_audiences": ["gone"]})
    out_of = [[queue.target for queue in each.out_of] for each in found]
    assert out_of == [["gone"], ["gone"], ["gone", "vips"], ["gone", "vips"]]
    assert [[source.queue.target for source in each.sources] for each in found] == [["vips"], ["vips"], [], ["gold"]]
    assert [{*each.out} for each in found] == [set(), set(), set(), {"email:ann@example.com"}]
    one, two = (each.sources[0] for each in found[:2])
    people = [f"email:person{number}@example.com" for number in range(200)]
    assert all(one.has(person) is not two.has(person) for person in people)
