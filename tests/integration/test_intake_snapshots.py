"""`PUT /v1/audiences/{audience}/members` and the addresses that say how it goes, on a real server and ledger."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
from redis import Redis

from configuration.connections import Connection, Connections
from queues import holds, keys, metrics, pending
from queues.change import decode
from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from queues.snapshots import orders
from queues.snapshots.guard import GUARD
from queues.snapshots.orders import PIECE, Record, SnapshotOrder
from tests.support.intake import TOKEN, Intake, known, running

MEMBERS = "/v1/audiences/42/members"
SYNCS = "/v1/audiences/42/syncs"
QUEUE = Queue("default", "snapshot", "42")
CSV = "email,first_name\nann@example.com,Ann\n"


@pytest.fixture(scope="module")
def intake(redis_server: str) -> Iterator[Intake]:
    with running(known(redis_server)) as started:
        yield started


def ordered(redis: Redis, queue: Queue = QUEUE) -> list[SnapshotOrder]:
    """What is to be carried out, as the queue has it."""
    changes = [decode(cast("bytes", each)) for each in redis.lrange(keys.queue(queue, "pending"), 0, -1)]
    assert all(change.body.action == "replace" for change in changes)
    return [orders.order_of(bytes(change.body.person)) for change in changes]


def body_of(redis: Redis, snapshot_id: str) -> bytes:
    return b"".join(orders.body(redis, snapshot_id))


@pytest.mark.parametrize(
    ("content_type", "format_", "charset", "body"),
    [
        ("text/csv", "csv", "", CSV),
        ("Text/CSV; charset=utf-8; header=present", "csv", "utf-8", CSV),
        ("application/x-ndjson", "ndjson", "", '{"email":"ann@example.com"}'),
        ("application/jsonl", "ndjson", "", '{"email":"ann@example.com"}'),
        ("application/json; charset=utf-16", "json", "", "[]"),
    ],
)
def test_a_membership_is_in_the_ledger_when_it_is_answered(
    intake: Intake, redis: Redis, content_type: str, format_: str, charset: str, body: str
) -> None:
    before = now_ms()
    response = intake.put(MEMBERS + "?name=V%20I%20Ps", body, Content_Type=content_type)
    assert response.status_code == 202
    (order,) = ordered(redis)
    assert response.json() == {
        "snapshot": order.snapshot,
        "bytes": len(body),
        "state": "queued",
        "status": f"{SYNCS}/{order.snapshot}",
    }
    assert before <= order.at <= now_ms()
    form = cast("orders.Format", format_)
    assert order == SnapshotOrder(order.snapshot, order.at, form, charset=charset, name="V I Ps")
    assert body_of(redis, order.snapshot) == body.encode()
    assert pending.audience(redis, QUEUE)["name"] == "V I Ps"


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE + 7, 12_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_any_size_is_kept_byte_for_byte(intake: Intake, redis: Redis, size: int, chunked: bool) -> None:
    # Blank lines of NDJSON: whatever is beyond the beginning is stored unread.
    body = random.Random(size).randbytes(size).translate(bytes(b" \t\r\n"[byte % 4] for byte in range(256)))
    parts = (body[start : start + 77_777] for start in range(0, size, 77_777))
    response = intake.put(MEMBERS, parts if chunked else body, Content_Type="application/x-ndjson")
    assert (response.status_code, response.json()["bytes"]) == (202, size)
    assert body_of(redis, response.json()["snapshot"]) == body


def test_gzip_is_passed_on_as_it_came(intake: Intake, redis: Redis) -> None:
    packed = gzip.compress(CSV.encode())
    response = intake.put(MEMBERS, packed, Content_Type="text/csv", Content_Encoding="GZIP")
    (order,) = ordered(redis)
    assert order.gzip
    assert body_of(redis, response.json()["snapshot"]) == packed


def test_what_the_address_says_is_in_the_order(intake: Intake, redis: Redis) -> None:
    asked = "?at=2026-01-02T03:04:05Z&rows=7&confirm=1&reconcile=true"
    assert intake.put(MEMBERS + asked, CSV, Content_Type="text/csv").status_code == 202
    assert intake.put(MEMBERS + "?at=1767323045000&confirm=0", CSV, Content_Type="text/csv").status_code == 202
    first, second = ordered(redis)
    assert (first.at, first.rows, first.confirmed, first.reconcile) == (1_767_323_045_000, 7, True, True)
    assert (second.at, second.rows, second.confirmed, second.reconcile) == (1_767_323_045_000, None, False, False)


@pytest.mark.parametrize("at", ["1767323045", "2200-01-01", "9000000000000", "2014-12-31", "0"])
def test_a_snapshot_of_a_time_that_cannot_be_is_of_its_arrival_and_counted(
    intake: Intake, redis: Redis, at: str
) -> None:
    before = now_ms()
    assert intake.put(f"{MEMBERS}?at={at}", CSV, Content_Type="text/csv").status_code == 202
    (order,) = ordered(redis)
    assert before <= order.at <= now_ms()
    assert metrics.read(redis) == {(metrics.CLAMPED, "default", "snapshot"): 1}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("rows=many", "?rows: Expected `int`"),
        ("rows=-1", "?rows: Expected `int` >= 0"),
        ("rows=1&rows=2", "?rows: appears twice"),
        ("confirm=perhaps", "?confirm: Expected `bool`"),
        ("reconcile=", "?reconcile: Expected `bool`"),
        ("name=" + "x" * 256, "?name: Expected `str` of length <= 255"),
        ("at=yesterday", "?at: neither ISO 8601 nor ms since 1970 (write + as %2B in an address)"),
        ("at=-1", "?at: neither ISO 8601"),
    ],
)
def test_what_is_wrong_in_the_address_is_named(intake: Intake, redis: Redis, asked: str, told: str) -> None:
    response = intake.put(f"{MEMBERS}?{asked}", CSV, Content_Type="text/csv")
    assert response.status_code == 400
    assert told in response.json()["error"]["description"]
    assert redis.keys() == []


@pytest.mark.parametrize("headers", [{}, {"Content_Type": "application/xml"}, {"Content_Type": "text/csv2"}])
def test_a_format_that_is_not_known_is_refused_naming_those_that_are(
    intake: Intake, redis: Redis, headers: dict[str, str]
) -> None:
    response = intake.put(MEMBERS, CSV.encode(), **headers)
    assert response.status_code == 415
    for name in ("text/csv", "application/x-ndjson", "application/json"):
        assert name in response.json()["error"]["description"]
    assert redis.keys() == []


def test_another_compression_is_refused(intake: Intake, redis: Redis) -> None:
    response = intake.put(MEMBERS, CSV, Content_Type="text/csv", Content_Encoding="br")
    assert response.status_code == 415
    assert "gzip" in response.json()["error"]["description"]
    assert redis.keys() == []


def test_without_a_token_no_byte_of_it_is_read(intake: Intake, redis: Redis) -> None:
    head = b"PUT /v1/audiences/42/members HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: 9\r\n\r\n"
    assert intake.raw(head).startswith(b"HTTP/1.1 401 ")
    assert redis.keys() == []


def test_an_audience_id_has_the_limit_that_it_has_elsewhere(intake: Intake, redis: Redis) -> None:
    for length, status in ((200, 202), (201, 400)):
        path = f"/v1/audiences/{'x' * length}/members"
        assert intake.put(path, CSV, Content_Type="text/csv").status_code == status
    assert "longer than 200" in intake.get(f"/v1/audiences/{'x' * 201}/syncs", TOKEN).json()["error"]["description"]


def test_the_same_membership_again_is_another_snapshot(intake: Intake, redis: Redis) -> None:
    first, second = (intake.put(MEMBERS, CSV, Content_Type="text/csv").json()["snapshot"] for _ in range(2))
    assert first != second
    assert [order.snapshot for order in ordered(redis)] == [first, second]
    assert [each["order"]["snapshot"] for each in syncs(intake)] == [second, first]


def syncs(intake: Intake, path: str = SYNCS) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = intake.get(path, TOKEN).json()["syncs"]
    return found


def test_the_status_says_how_it_goes_and_whose_it_is_nowhere(intake: Intake, redis: Redis) -> None:
    status = intake.put(MEMBERS, CSV, Content_Type="text/csv").json()["status"]
    waiting = intake.get(status, TOKEN)
    assert waiting.status_code == 200
    assert waiting.json() == json.loads(json.dumps(syncs(intake)[0]))
    assert (waiting.json()["state"], waiting.json()["counts"], waiting.json()["ended"]) == ("queued", None, None)
    assert waiting.json()["queue"] == str(QUEUE)
    record = orders.record(redis, waiting.json()["order"]["snapshot"])
    assert record is not None
    orders.close(redis, replace_state(record))
    ended = intake.get(status, TOKEN).json()
    assert (ended["state"], ended["counts"]["adds"], ended["examples"]) == ("delivered", 3, {"email_invalid": [2, 7]})
    assert "ann" not in waiting.text.lower()


def replace_state(record: Record) -> Record:
    counts = orders.Counts(rows=5, adds=3, shrink={"email_invalid": 2})
    return Record(
        record.queue,
        record.order,
        record.since,
        record.bytes,
        "delivered",
        counts,
        {"email_invalid": [2, 7]},
        ended=now_ms(),
    )


@pytest.mark.parametrize("unknown", ["00-" + "0" * 32, "99-" + "0" * 32, "x", "..%2Fx", "12"])
def test_a_snapshot_that_is_not_known_is_not_found(intake: Intake, redis: Redis, unknown: str) -> None:
    intake.put(MEMBERS, CSV, Content_Type="text/csv")
    assert intake.get(f"{SYNCS}/{unknown}", TOKEN).status_code == 404


def test_a_snapshot_is_found_under_its_own_audience_and_connection_only(redis: Redis, redis_url: str) -> None:
    connections = Connections({name: Connection(name) for name in ("default", "brand-b")})
    with running(replace(known(redis_url), connections=connections)) as intake:
        answer = intake.put(MEMBERS + "?connection=brand-b", CSV, Content_Type="text/csv").json()
        snapshot_id = answer["snapshot"]
        assert answer["status"] == f"{SYNCS}/{snapshot_id}?connection=brand-b"
        assert intake.get(answer["status"], TOKEN).status_code == 200
        assert [order.snapshot for order in ordered(redis, Queue("brand-b", "snapshot", "42"))] == [snapshot_id]
        for elsewhere in (f"{SYNCS}/{snapshot_id}", f"/v1/audiences/7/syncs/{snapshot_id}?connection=brand-b"):
            response = intake.get(elsewhere, TOKEN)
            assert response.status_code == 404
            assert "connection" in response.json()["error"]["description"]
        assert (len(syncs(intake, SYNCS + "?connection=brand-b")), syncs(intake)) == (1, [])
        nowhere = [intake.get(f"{path}?connection=nowhere", TOKEN) for path in (SYNCS, f"{SYNCS}/{snapshot_id}")]
        for response in (*nowhere, intake.put(MEMBERS + "?connection=nowhere", CSV)):
            assert response.status_code == 404
            assert "nowhere" in response.json()["error"]["description"]


def test_a_snapshot_takes_the_place_of_one_that_the_guard_holds_and_of_no_other(intake: Intake, redis: Redis) -> None:
    for reason, still in (("operator", True), (GUARD, False)):
        redis.hdel(keys.queue(QUEUE), "hold")
        holds.place(redis, QUEUE, Hold(reason, now_ms()))
        redis.delete(keys.WAKE)
        assert intake.put(MEMBERS, CSV, Content_Type="text/csv").status_code == 202
        assert (holds.of_queue(redis, QUEUE) is not None) is still
        assert redis.llen(keys.WAKE) == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the file is empty"),
        (b"Name;Ort\nAnn;Oslo\n", "it has: Name, Ort"),
        (b"ann@example.com,Oslo\n", "2 cells, which look like a person's data"),
        (b'email,city\nann@example.com,"Oslo\nbob@example.com,Rome\n', "line 2, column 2 (city): a quote is opened"),
        (b"email,city\nann@example.com\n", "line 2 has 1 cells and the header 2"),
        (b"PK\x03\x04" + b"\0" * 99, "an Excel workbook"),
        (b"<!DOCTYPE html><title>Sign in</title>", "a web page"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_before_it_is_accepted(
    intake: Intake, redis: Redis, body: bytes, says: str
) -> None:
    response = intake.put(MEMBERS, body, Content_Type="text/csv")
    assert response.status_code == 400
    assert says in response.json()["error"]["description"]
    assert "ann@" not in response.text
    assert redis.keys() == []


def test_of_a_long_file_the_beginning_is_read_before_it_is_accepted(intake: Intake, redis: Redis) -> None:
    rows = "".join(f"p{number}@example.com,Oslo\n" for number in range(30_000))
    assert intake.put(MEMBERS, f"email,city\n{rows}", Content_Type="text/csv").status_code == 202
    for broken in (f"name,city\n{rows}", f'email,city\na@example.com,"Oslo"x\n{rows}'):
        assert intake.put(MEMBERS, broken, Content_Type="text/csv").status_code == 400
        packed = intake.put(MEMBERS, gzip.compress(broken.encode()), Content_Type="text/csv", Content_Encoding="gzip")
        assert packed.status_code == 400
    assert len(ordered(redis)) == 1
