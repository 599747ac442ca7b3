"""Groups of campaigns that come from audiences and from files, and audiences whose members are left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from queues import audit, keys
from queues.clock import now_ms
from queues.errors import QueueFull
from queues.names import Queue
from queues.snapshots import guard, members, orders
from queues.snapshots.members import PERHAPS, Bucket, Member
from tests.support.intake import Intake, known, running

PATH = "/v1/campaigns"
VIPS, GONE = (Queue("default", "audience", target) for target in ("vips", "gone"))
PEOPLE = [f"person{number}@example.com" for number in range(300)]


@pytest.fixture(scope="module")
def intake(redis_server: str) -> Iterator[Intake]:
    with running(known(redis_server)) as started:
        yield started


def fill(redis: Redis, queue: Queue, *people: str, at: int = 1) -> None:
    """The audience had a snapshot, and these people (an address, or identifier:value) are on its list."""
    names = [person if ":" in person else f"email:{person}" for person in people]

    def change(number: int, bucket: Bucket) -> Bucket:
        added = {name: Member(at) for name in names if members.bucket_of(name) == number}
        return Bucket(bucket.members | added, bucket.gone, bucket.filled)

    members.begin(redis, queue, "first")
    members.edit(redis, queue, {members.bucket_of(name) for name in names}, change)
    members.end(redis, queue, "first", at=now_ms())


def posted(*groups: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "Spring", "groups": [{"name": f"G{place}"} | group for place, group in enumerate(groups)]} | more


def lines(redis: Redis, snapshot: str) -> list[Any]:
    return [json.loads(line) for line in b"".join(orders.body(redis, snapshot)).splitlines()]


def sent(intake: Intake, redis: Redis, campaign: dict[str, Any]) -> list[set[str]]:
    """The people of each list; the numbers of the answer agree with them."""
    response = intake.post(PATH, campaign)
    assert response.status_code == 202, response.text
    found = []
    for sync in response.json()["syncs"]:
        rows = lines(redis, sync["snapshot"])
        assert sync["members"] == len(rows) == len({next(iter(row.values())) for row in rows})
        found.append({next(iter(row.values())) for row in rows})
    return found


def refused(intake: Intake, redis: Redis, campaign: dict[str, Any]) -> str:
    response = intake.post(PATH, campaign)
    assert response.status_code == 409, response.text
    assert not redis.keys("ferry:*:body"), "nothing is staged"
    return str(response.json()["error"]["description"])


def test_a_group_has_the_members_of_an_audience_without_the_excluded_people_and_audiences(
    intake: Intake, redis: Redis
) -> None:
    fill(redis, VIPS, *PEOPLE)
    fill(redis, GONE, *PEOPLE[:100], "stranger@example.com")
    out = {"exclusions": [{"email": PEOPLE[200].upper()}], "excluded_audiences": ["gone"]}
    inline = {"members": [{"email": PEOPLE[5]}, {"email": "new@example.com", "phone": "+14155552671"}]}
    first, second = sent(intake, redis, posted({"audience": "vips"}, inline, **out))
    assert first == {*PEOPLE[100:]} - {PEOPLE[200]}
    assert second == {"new@example.com"}


def test_everybody_of_an_audience_is_in_one_part_of_a_group_and_on_no_later_exclusive_list(
    intake: Intake, redis: Redis
) -> None:
    fill(redis, VIPS, *PEOPLE)
    split = {"audience": "vips", "split": {"Offer": 50, "Control": 50}}
    later = {"members": [{"email": PEOPLE[0]}, {"email": "new@example.com"}]}
    offer, control, rest = sent(intake, redis, posted(split, later, exclusive=True))
    assert offer | control == {*PEOPLE}
    assert not offer & control
    assert len(offer) > 100 < len(control)
    assert rest == {"new@example.com"}


def test_members_and_audiences_may_be_on_one_merged_list(intake: Intake, redis: Redis) -> None:
    fill(redis, VIPS, "ann@example.com", "phone_number:+14155552671", "external_id:c-1")
    groups = {"audience": "vips"}, {"members": [{"email": "bob@example.com"}]}
    (merged,) = sent(intake, redis, posted(*groups, lists="merged"))
    assert merged == {"ann@example.com", "+14155552671", "c-1", "bob@example.com"}


def test_somebody_who_may_be_off_the_list_is_left_out_and_excluded(intake: Intake, redis: Redis) -> None:
    fill(redis, VIPS, *PEOPLE[:3])
    fill(redis, VIPS, PEOPLE[3], at=PERHAPS)
    fill(redis, GONE, PEOPLE[0], at=PERHAPS)
    (found,) = sent(intake, redis, posted({"audience": "vips"}, excluded_audiences=["gone"]))
    assert found == {*PEOPLE[1:3]}


def test_an_audience_without_a_snapshot_or_with_pending_changes_is_refused_with_the_remedy(
    intake: Intake, redis: Redis
) -> None:
    assert "never had a snapshot" in refused(intake, redis, posted({"audience": "vips"}))
    assert "ferry sync" in refused(intake, redis, posted({"members": []}, excluded_audiences=["vips"]))
    fill(redis, VIPS, *PEOPLE)
    redis.rpush(keys.queue(VIPS, "pending"), b"change")
    assert "ferry flush default/audience/vips --wait" in refused(intake, redis, posted({"audience": "vips"}))
    redis.delete(keys.queue(VIPS, "pending"))
    redis.zadd(keys.queue(orders.queue_of("default", "vips"), "batches"), {"open": 1})
    assert "default/snapshot/vips has changes" in refused(intake, redis, posted({"audience": "vips"}))


def test_members_of_a_merged_list_keep_their_attributes_if_an_audience_has_them_too(
    intake: Intake, redis: Redis
) -> None:
    fill(redis, VIPS, "ann@example.com")
    groups = {"members": [{"email": "ann@example.com", "code": "S10"}]}, {"audience": "vips"}
    (sync,) = intake.post(PATH, posted(*groups, lists="merged")).json()["syncs"]
    rows = lines(redis, sync["snapshot"])
    assert rows == [{"email": "ann@example.com"}, {"email": "ann@example.com", "code": "S10"}], "the last row counts"


def test_members_cannot_be_compared_with_an_audience_of_somebody_without_an_e_mail(
    intake: Intake, redis: Redis
) -> None:
    fill(redis, GONE, "external_id:c-1")
    ann = {"members": [{"email": "ann@example.com", "external_id": "c-1"}]}
    assert "has none" in refused(
        intake, redis, posted({"members": [{"email": "a@b.com"}]}, excluded_audiences=["gone"])
    )
    assert "has none" in refused(intake, redis, posted({"audience": "gone"}, ann, exclusive=True))


def test_a_command_whose_second_list_fails_leaves_nothing_staged(redis: Redis, command: Any, tmp_path: Path) -> None:
    fill(redis, GONE, "external_id:c-1")
    (tmp_path / "spring.json").write_text(json.dumps(posted({"audience": "gone"}, {"members": []}, exclusive=True)))
    made = command("campaign", str(tmp_path / "spring.json"))
    assert (made.exit_code, "Nothing was submitted" in made.stderr) == (1, True), made.output
    assert not redis.keys("ferry:*:body")


@pytest.mark.parametrize("who", ["vips", "gone"])
def test_people_without_an_e_mail_cannot_be_compared_with_another_audience(
    intake: Intake, redis: Redis, who: str
) -> None:
    fill(redis, VIPS, *PEOPLE)
    fill(redis, GONE, "ann@example.com")
    fill(redis, Queue("default", "audience", who), "external_id:c-1")
    said = refused(intake, redis, posted({"audience": "vips"}, excluded_audiences=["gone"]))
    assert "by e-mail, but somebody in one of the audiences has none" in said
    assert "c-1" not in said


def test_the_command_takes_groups_from_files_and_audiences(redis: Redis, command: Any, tmp_path: Path) -> None:
    fill(redis, VIPS, "vip@example.com")
    (tmp_path / "a.csv").write_bytes("sep=;\nE-Mail;City\nann@example.com;\u00c5s\nout@example.com;\n".encode("utf-16"))
    (tmp_path / "b.ndjson").write_text('{"email": "bob@example.com", "plan": null}\n\n{"email": "ann@example.com"}\n')
    campaign = posted({"file": "a.csv"}, {"file": "b.ndjson"}, {"audience": "vips"}, exclusive=True)
    (tmp_path / "spring.json").write_text(json.dumps(campaign | {"exclusions": [{"email": "out@example.com"}]}))
    made = command("campaign", str(tmp_path / "spring.json"), "--json")
    assert made.exit_code == 0, made.output
    syncs = json.loads(made.stdout)["syncs"]
    assert [(sync["list"], sync["members"], sync["excluded"]) for sync in syncs] == [
        ("Spring - G0", 1, 1),
        ("Spring - G1", 1, 1),
        ("Spring - G2", 1, 0),
    ]
    assert [lines(redis, sync["snapshot"]) for sync in syncs] == [
        [{"E-Mail": "ann@example.com", "City": "\u00c5s"}],
        [{"email": "bob@example.com", "plan": None}],
        [{"email": "vip@example.com"}],
    ]


@pytest.mark.parametrize(
    ("content", "campaign", "says"),
    [
        ("name\nann\n", posted({"file": "a.csv"}), "the first line must be a header"),
        ("email,email\na,b\n", posted({"file": "a.csv"}), "email"),
        ("", posted({"file": "a.csv", "audience": "vips"}), "$.groups[0]: needs either members, audience or file"),
        ("", posted({"file": "none.csv"}), "none.csv"),
        ("", posted({"audience": "vips"}), "never had a snapshot"),
        ("", posted({"members": []}, connection="nowhere"), "nowhere"),
        ("", posted({"members": [5]}), "$.groups[0].members[0] is not an object"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused_by_the_command_and_nothing_is_submitted(
    redis: Redis, command: Any, tmp_path: Path, content: str, campaign: dict[str, Any], says: str
) -> None:
    (tmp_path / "a.csv").write_text(content)
    (tmp_path / "spring.json").write_text(json.dumps(campaign))
    made = command("campaign", str(tmp_path / "spring.json"))
    assert made.exit_code == 1, made.output
    assert says in made.stderr
    assert not redis.keys("ferry:*:body")


def test_a_full_queue_says_how_many_lists_were_submitted_before_it(
    redis: Redis, command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, fits = guard.submit, iter([True, False])

    def filling(redis: Redis, queue: Queue, *rest: Any) -> None:
        if not next(fits):
            raise QueueFull(str(queue))
        submit(redis, queue, *rest)

    monkeypatch.setattr(guard, "submit", filling)
    groups = [{"members": [{"email": name}]} for name in PEOPLE[:3]]
    (tmp_path / "spring.json").write_text(json.dumps(posted(*groups)))
    made = command("campaign", str(tmp_path / "spring.json"))
    assert made.exit_code == 1, made.output
    assert "is full; 1 list was submitted before it, the others not." in " ".join(made.stderr.split())
    assert [entry.what for entry in audit.read(redis, 10)] == ["sync"]
