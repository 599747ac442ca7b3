"""`ferry explain`: the story of one person, chapter by chapter, with a worker and Klaviyo's emulator."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import Result
from msgspec import Raw
from redis import Redis

from queues import batches, dead_letters, holds, keys
from queues.acceptance import Acceptance, accept
from queues.change import Body, encode, person_key
from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.snapshots import members, orders
from queues.snapshots.buckets import Bucket, Member
from queues.snapshots.records import Record, SnapshotOrder, opened
from tests.integration.test_deliver_erasures import ask
from tests.support.ops import LAPSED, put
from tests.support.world import QUEUE, World

ANN = "ann@example.com"
SHORT = person_key("email", ANN)[:8]
EVENTS = Queue("default", "event", "events")
Command = Callable[..., Result]


def told(command: Command, person: str = ANN, *words: str, queue: str = "VIPs") -> str:
    """As people read it; a line of the table may be long."""
    found = command("explain", queue, person, *words, COLUMNS="400")
    assert found.exit_code == 0, found.output
    return found.stdout


def document(command: Command, person: str = ANN, *words: str, queue: str = "VIPs") -> dict[str, Any]:
    found = command("explain", queue, person, "--json", *words)
    assert found.exit_code == 0, found.output
    known: dict[str, Any] = json.loads(found.stdout)
    return known


def test_a_delivered_change_is_told_from_its_acceptance_to_the_row_of_its_import(
    world: World, command: Command
) -> None:
    world.change("add", "bob@example.com", ANN, "fail+blocked@example.com")
    batch_id = world.deliver()
    (job,) = world.requests("/api/profile-bulk-import-jobs", "POST")
    text = told(command)
    assert f"Person {SHORT} in VIPs (default/audience/42)" in text
    assert "accepted: add, in message m from source changes, changed at 20" in text
    assert f"taken with 2 others into batch {batch_id}, because an operator flushed the queue (operator)" in text
    assert "delivered, row 2 of 3 rows, of which 1 failed in import job " in text
    lines = [line.split()[2] for line in text.splitlines() if line.startswith("20")]
    assert lines == ["accepted:", "taken", "delivered,"], "in the order in which it happened"
    assert job["status"] == 202


def test_klaviyo_is_asked_where_the_person_is_now(world: World, command: Command) -> None:
    world.change("add", ANN)
    world.deliver()
    list_id = cast("bytes", world.redis.hget(keys.queue(QUEUE), "list_id")).decode()
    assert f"Klaviyo: on list {list_id}; profile found by email; e-mail: never subscribed; SMS: no address." in told(
        command
    )
    world.unsubscribe(ANN, None)
    world.change("remove", ANN)
    world.deliver()
    text = told(command)
    assert f"not on list {list_id}; profile found by email; e-mail: suppressed" in text
    assert "delivered: removed from the list" in text
    assert document(command)["klaviyo"]["on_list"] is False


def test_whom_klaviyo_knows_from_elsewhere_is_not_on_a_list_that_is_not_there_yet(
    world: World, command: Command
) -> None:
    world.change("update", ANN)
    world.deliver()
    found = document(command)["klaviyo"]
    assert (found["list_id"], found["by"], found["on_list"]) == (None, "email", False)
    assert "Klaviyo: there is no list yet; profile found by email; " in told(command)


def test_a_superseded_change_names_the_one_that_came_after_it(world: World, command: Command) -> None:
    world.change("add", ANN)
    world.change("remove", ANN)
    world.deliver()
    assert "superseded by #2, which decides the person's state after this batch" in told(command)
    first, second = document(command)["changes"]
    assert (first["state"], first["batches"][0]["superseded_by"]) == ("superseded", 2)
    assert (second["state"], second["batches"][0]["superseded_by"]) == ("delivered", None)


def test_the_same_said_twice_in_one_message_is_two_changes(world: World, command: Command) -> None:
    world.change("add", ANN, ANN)
    world.deliver()
    assert sorted(each["state"] for each in document(command)["changes"]) == ["delivered", "superseded"]


def test_a_dead_letter_is_told_with_its_reason_and_how_to_send_it_again(world: World, command: Command) -> None:
    world.change("add", "fail+blocked@example.com")
    world.deliver()
    (letter,) = dead_letters.read(world.redis, QUEUE)
    text = told(command, "fail+blocked@example.com")
    assert "became a dead letter: blocked, row 1 of 1 row, of which 1 failed in import job " in text
    assert f"#1 is dead letter {letter.id}: blocked." in text
    assert f"`ferry dead replay {letter.id} --queue default/audience/42` sends it again" in text
    dead_letters.replay(world.redis, QUEUE, [letter.id], now_ms())
    (change,) = document(command, "fail+blocked@example.com")["changes"]
    assert (change["state"], [each["outcome"] for each in change["batches"]]) == ("waiting", ["dead"])
    world.deliver()
    (change,) = document(command, "fail+blocked@example.com")["changes"]
    assert (change["state"], [each["outcome"] for each in change["batches"]]) == ("dead", ["dead", "dead"])


def test_a_dead_letter_that_was_purged_is_said_to_be_gone(world: World, command: Command) -> None:
    world.change("add", "fail+blocked@example.com")
    world.deliver()
    dead_letters.purge(world.redis, QUEUE, [each.id for each in dead_letters.read(world.redis, QUEUE)])
    text = told(command, "fail+blocked@example.com")
    assert "#1 was a dead letter that no longer exists" in text


def test_one_that_was_dead_on_arrival_is_told_of_too(redis: Redis, command: Command) -> None:
    put(redis, dead=ANN)
    text = told(command)
    assert "became a dead letter: malformed" in text
    assert document(command)["changes"][0]["state"] == "dead"


def test_a_waiting_change_has_its_place_and_what_sends_it(world: World, command: Command) -> None:
    world.change("add", *(f"p{i}@example.com" for i in range(11)), ANN, "last@example.com")
    text = told(command)
    assert "#1 is pending: 12 of 13 in the queue; the queue is due by age in 15\u00a0h\u00a0" in text
    assert ", or by size at 100 changes." in text
    waiting = document(command)["changes"][0]["waiting"]
    assert (waiting["place"], waiting["of"], waiting["due_by"], waiting["held"]) == (12, 13, "age", None)
    holds.place(world.redis, QUEUE, Hold("list_gone", now_ms()))
    assert "nothing is sent, because it is held (list_gone): see `ferry holds`" in told(command)


def test_a_change_that_waits_behind_thousands_is_found(redis: Redis, command: Command) -> None:
    put(redis, *(f"p{i}@example.com" for i in range(2_500)))
    assert document(command, "p0@example.com")["changes"][0]["waiting"]["place"] == 1
    assert document(command, "p1499@example.com")["changes"][0]["waiting"]["place"] == 1_500
    assert document(command, "p2499@example.com")["changes"][0]["waiting"]["place"] == 2_500


def test_an_open_batch_is_told_with_its_stage(world: World, command: Command) -> None:
    world.change("add", ANN)
    batch_id = world.take()
    text = told(command)
    assert f"taken with 0 others into batch {batch_id}, because an operator flushed the queue (operator)" in text
    stage = r"stage upload, taken \d+\s+s ago; a worker takes it up (now|in \d+\s+\w+)\."
    assert re.search(f"#1 is in progress: batch {batch_id}, {stage}", text)
    batches.reclaim(world.redis, batch_id, now_ms(), 60_000)
    assert "; a worker has it." in told(command)
    assert document(command)["changes"][0]["open"]["stage"] == "upload"


def test_of_a_stranger_it_says_where_it_looked_and_since_when_it_would_know(world: World, command: Command) -> None:
    world.change("add", "bob@example.com")
    text = told(command)
    assert "Ferry has no record of this person here. It searched:" in text
    for words in ("pending: 1 change", "dead letters: 0 letters", "history: nothing yet; it is kept for 30 days"):
        assert words in text
    world.deliver()
    assert "history: changes settled since 20" in told(command)
    assert document(command)["known"] is False
    assert "no profile found for this identifier" in text


def test_nothing_says_who_it_is_unless_it_is_asked_for(world: World, command: Command) -> None:
    for address in (ANN, "fail+blocked@example.com"):
        world.change("add", {"email": address, "attributes": {"city": "Oslo"}})
        world.deliver()
        world.change("update", {"email": address, "attributes": {"city": "Oslo"}})
        for words in ((), ("--json",)):
            shy = command("explain", "VIPs", address, *words).output
            assert "@" not in shy
            assert "Oslo" not in shy
            whole = command("explain", "VIPs", address, *words, "--personal-data").output
            assert address in whole
            assert "Oslo" in whole


@pytest.mark.parametrize(
    ("kind", "value", "given"),
    [
        ("phone", "14155552671", "+1 (415) 555-2671"),
        ("external_id", "C-17", "C-17 "),
        ("user_id", "u1", "u1"),
        ("mpid", "7:4711", "4711"),
    ],
)
def test_a_person_is_found_by_phone_and_by_any_id(
    redis: Redis, command: Command, tmp_path: Path, kind: str, value: str, given: str
) -> None:
    configured = tmp_path / "connections.toml"
    configured.write_text("[connections.default]\nmparticle_account = 7\n")
    body = Body("add", now_ms(), "changes", "m", Raw(b"{}"))
    stored = encode((person_key(kind, value),), now_ms(), body)
    accept(redis, Acceptance(QUEUE, FlushPolicy(), "", [stored], audience=b'{"name":"VIPs"}'), now_ms())
    found = command("explain", "VIPs", given, "--json", FERRY_CONNECTIONS=str(configured))
    assert json.loads(found.stdout)["changes"][0]["state"] == "waiting", found.output


def test_what_an_e_mail_leads_to_is_told_too_and_nothing_of_another_e_mail(world: World, command: Command) -> None:
    world.change("add", {"email": "old@example.com", "external_id": "c-17"})
    world.deliver()
    world.change("update", {"external_id": "c-17", "attributes": {"a": 1}})
    world.change("update", {"email": ANN, "external_id": "c-17"})
    assert [each["state"] for each in document(command)["changes"]] == ["waiting", "waiting"]


def test_in_a_queue_of_consents_a_shared_phone_leads_to_nobody_else(world: World, command: Command) -> None:
    consents = World(world.redis, world.klaviyo, Queue("default", "consent", "consents"))
    consents.name = ""
    consents.change("subscribe", {"email": ANN, "phone_number": "+14155552671"})
    consents.change("subscribe", {"email": "bob@example.com", "phone_number": "+14155552671"})
    found = document(command, queue="consents")
    assert (len(found["changes"]), found["klaviyo"], found["ledger"]) == (1, None, None)


def test_of_events_the_ledger_is_told_and_klaviyo_is_not_asked(world: World, command: Command) -> None:
    events = World(world.redis, world.klaviyo, EVENTS)
    events.change("event", {"email": ANN, "metric": "Viewed", "profile": {"email": ANN}})
    before = len(world.requests())
    text = told(command, queue="default/event/events")
    assert "accepted: event" in text
    assert "Klaviyo" not in text
    assert len(world.requests()) == before


def test_that_klaviyo_cannot_be_asked_stops_nothing(world: World, command: Command) -> None:
    world.change("add", ANN)
    found = command("explain", "VIPs", ANN, KLAVIYO_API_KEY="")
    assert (found.exit_code, "Klaviyo: not asked. default/audience/42 cannot be delivered" in found.stdout) == (0, True)
    assert "accepted: add" in found.stdout


def member(redis: Redis, at: int) -> None:
    name = members.identity({"email": ANN})
    assert name is not None
    members.edit(redis, QUEUE, [members.bucket_of(name)], lambda _, __: Bucket({name: Member(at)}, {}))


def test_the_membership_ledger_says_since_when_and_by_what(world: World, command: Command) -> None:
    redis = world.redis
    world.change("update", "bob@example.com")
    assert "Membership ledger: none, because this audience has had no snapshot." in told(command)
    snapshot_queue = orders.queue_of("default", "42")
    snapshot_id = orders.new_id(snapshot_queue)
    order = SnapshotOrder(snapshot=snapshot_id, at=1_800_000_000_000, format="csv")
    opened(redis, snapshot_queue, Record(str(snapshot_queue), order, now_ms(), 0))
    members.begin(redis, QUEUE, snapshot_id)
    assert "Membership ledger: not a member." in told(command)
    member(redis, order.at)
    assert f"a member, since 2027-01-15T08:00:00.000Z, by snapshot {snapshot_id}." in told(command)
    assert document(command)["ledger"]["member"] is True
    member(redis, order.at + 1)
    assert "a member, since 2027-01-15T08:00:00.001Z, by a single change." in told(command)
    member(redis, 0)
    assert "a member, on the list since before the first snapshot." in told(command)


def test_who_left_by_a_single_change_is_told_when(world: World, command: Command) -> None:
    world.change("update", "bob@example.com")
    members.begin(world.redis, QUEUE, "07-00")
    name = members.identity({"email": ANN}) or ""
    gone = {members.gone_key(name): 1_800_000_000_000}
    members.edit(world.redis, QUEUE, [members.bucket_of(name)], lambda _, __: Bucket({}, gone))
    assert "not a member: a single change of 2027-01-15T08:00:00.000Z removed the person" in told(command)


def test_the_ledger_is_asked_by_the_address_that_an_id_leads_to(world: World, command: Command) -> None:
    world.change("add", {"email": ANN, "external_id": "c-17"})
    members.begin(world.redis, QUEUE, "07-00")
    member(world.redis, 1)
    assert document(command, "c-17")["ledger"]["member"] is True


def test_of_an_erased_person_nothing_is_left_to_tell(world: World, command: Command) -> None:
    world.change("add", ANN, "bob@example.com")
    world.deliver()
    assert document(command)["known"] is True
    world.ring(ask(world, {"email": ANN}))
    assert document(command)["known"] is False
    assert document(command, "bob@example.com")["known"] is True
    stored = world.redis.hgetall(keys.queue(QUEUE, "history"))
    assert stored, "the batch is told of still"


def test_a_person_who_is_erased_while_under_way_leaves_no_history(world: World, command: Command) -> None:
    world.change("add", ANN)
    batch_id = world.take()
    erasure = ask(world, {"email": ANN})
    world.ring(erasure)
    assert document(command)["known"] is False
    for _ in range(5):
        world.ring(batch_id)
    assert document(command)["known"] is False
    assert world.counts()["superseded"] == 1


def test_the_queue_is_looked_for_in_one_connection_only(redis: Redis, command: Command) -> None:
    put(redis, ANN)
    put(redis, ANN, queue=LAPSED, name="VIPs")
    both = command("explain", "VIPs", ANN)
    assert (both.exit_code, "'VIPs' matches 2 queues" in both.stderr) == (2, True)
    assert document(command, ANN, "--connection", "default")["queue"] == "default/audience/42"


def test_an_empty_person_is_wrong_usage(command: Command) -> None:
    found = command("explain", "VIPs", " ")
    assert (found.exit_code, "PERSON is empty" in found.stderr) == (2, True)


def test_nothing_is_written(world: World, command: Command) -> None:
    world.change("add", ANN)
    world.deliver()
    world.change("update", ANN)

    def everything() -> dict[bytes, bytes]:
        found = {key: world.redis.dump(key) for key in world.redis.scan_iter("ferry:*")}
        return {key: value for key, value in found.items() if value and b"limit" not in key}

    before = everything()
    told(command)
    assert everything() == before


@pytest.mark.parametrize("person", ["--", "x" * 300, "名前", "\N{ZERO WIDTH SPACE}", "a@b@c", "+"])
def test_whatever_is_typed_for_a_person_is_answered(world: World, command: Command, person: str) -> None:
    world.change("add", ANN)
    found = command("explain", "--json", "--", "VIPs", person)
    assert (found.exit_code, json.loads(found.stdout)["known"]) == (0, False)


def test_the_help_says_what_it_tells(command: Command, tmp_path: Path) -> None:
    assert "Show the history of one person." in command("explain", "--help").output
