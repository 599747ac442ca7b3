"""The operator's API where the conformance to its document does not tell: what is answered, and to whom."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
import pytest
import requests
from redis import Redis

from console.auth.roles import Role
from queues import audit, dead_letters, holds, keys
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.batches import reclaim, settle
from queues.census import count
from queues.change import Action, Body, decode, encode, person_key
from queues.clock import now_ms
from queues.connections import accounts
from queues.connections.accounts import Cipher
from queues.history.settled import BatchOutcomes, ImportRows, pack
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.settlement import Settlement
from tests.support.console import SECRET, Console, add_users
from tests.support.ops import LAPSED, VIPS, put, take
from tests.support.people import names
from tests.support.told import settled

QUEUE = f"/v1/queues/{VIPS}"


@pytest.fixture
def filled(redis: Redis, served: Console) -> Redis:
    """Something waits, and somebody died."""
    add_users(redis)
    put(redis, *names(3), dead="ann@example.com")
    return redis


def ask(
    served: Console, path: str, body: Any = None, role: Role = Role.OPERATOR, status: int = 200, **headers: str
) -> dict[str, Any]:
    """What is answered to a GET, or to a POST of this body."""
    method = "GET" if body is None else "POST"
    sent = {**served.bearer(role), **{name.replace("_", "-"): value for name, value in headers.items()}}
    data = {"data": body} if isinstance(body, str) else {"json": body}
    answer = requests.request(method, served.url + path, headers=sent, timeout=30, **data)
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_a_queue_is_told_with_its_uploads_in_pages(filled: Redis, served: Console) -> None:
    for number in range(3):
        put(filled, *names(100, 1_000 * number))
        batch_id = take(filled)
        assert batch_id is not None
        batch = reclaim(filled, batch_id, now_ms(), 60_000)
        assert batch is not None
        ends = BatchOutcomes(jobs=(ImportRows(f"job-{number}", tuple(range(98)), 1),), dead={5: "no_email"})
        history = settled(batch.changes, ends, batch_id, batch.taken)
        settle(filled, batch, Settlement(history=pack(history)), now_ms())
    told = ask(served, f"{QUEUE}?limit=2", role=Role.VIEWER)
    assert (told["queue"]["queue"], told["queue"]["delivered"], told["connection_hold"]) == (str(VIPS), 303, None)
    newest, _ = told["uploads"]
    assert newest["jobs"] == [{"id": "job-2", "people": 98, "failed": 1}]
    assert (newest["changes"], newest["delivered"], newest["dead"]) == (100, 99, {"no_email": 1})
    earlier = requests.get(
        served.url + QUEUE, {"before": told["next"]}, headers=served.bearer(Role.VIEWER), timeout=30
    ).json()
    assert [each["jobs"][0]["id"] for each in earlier["uploads"]] == ["job-0"]
    assert earlier["next"] is None


def test_queues_come_in_pages_whose_totals_are_of_all(redis: Redis, served: Console) -> None:
    queues = [Queue("default", "audience", target) for target in ("a b", "c", "d/e", "f", "g")]
    for queue in queues:
        put(redis, "ann@example.com", queue=queue)
    holds.place(redis, queues[0], Hold("maintenance", now_ms()))
    found, after = [], ""
    while True:
        told = ask(served, f"/v1/queues?limit=2{f'&after={quote(after)}' if after else ''}")
        assert (told["balanced"], len(told["queues"]) <= 2) == (True, True)
        found += [each["queue"] for each in told["queues"]]
        if told["next"] is None:
            break
        after = told["next"]
    assert found == sorted(map(str, queues))
    assert ask(served, "/v1/queues?limit=0", status=400)
    assert ask(served, "/v1/queues")["next"] is None


def test_queues_in_a_state_come_in_pages_too(redis: Redis, served: Console) -> None:
    queues = [Queue("default", "audience", target) for target in "abcde"]
    for queue in queues:
        put(redis, "ann@example.com", queue=queue)
    for queue in queues[1:4]:
        holds.place(redis, queue, Hold("maintenance", now_ms()))
    told = ask(served, "/v1/queues?state=held&limit=2")
    assert [each["queue"] for each in told["queues"]] == [str(each) for each in queues[1:3]]
    rest = ask(served, f"/v1/queues?state=held&limit=2&after={quote(told['next'])}")
    assert ([each["queue"] for each in rest["queues"]], rest["next"]) == ([str(queues[3])], None)
    waiting = ask(served, "/v1/queues?state=waiting")
    assert [each["queue"] for each in waiting["queues"]] == [str(queues[0]), str(queues[4])]
    assert ask(served, "/v1/queues?state=failing")["queues"] == []
    refused = ask(served, "/v1/queues?state=stuck", status=400)
    assert "Must be one of blocked, held, failing, delivering, waiting, idle" in refused["error"]["description"]


def test_a_queue_whose_target_holds_a_slash_has_one_address(filled: Redis, served: Console) -> None:
    queue = Queue("default", "audience", "a/b %")
    put(filled, "ann@example.com", queue=queue)
    assert ask(served, f"/v1/queues/{queue}")["queue"]["pending"] == 1
    assert ask(served, f"/v1/queues/{queue}/flush", {})["queues"] == [
        {"queue": str(queue), "asked": 1, "upto": 1, "launches_at": None}
    ]


def test_what_a_person_wrote_is_shown_without_persons(filled: Redis, served: Console) -> None:
    ask(served, f"{QUEUE}/hold", {"reason": "bob@example.com called from +1 415 555 2671"})
    holds.place(filled, "default", Hold("ask cid@example.com", now_ms()))
    put(filled, "d@example.com", queue=LAPSED)
    for path in ("/v1/queues", QUEUE, "/v1/holds", "/v1/connections"):
        told = str(ask(served, path, role=Role.ADMIN))
        assert "***" in told, path
        assert "@" not in told, path
        assert "2671" not in told, path


def test_persons_are_for_admins_who_ask_for_them(filled: Redis, served: Console) -> None:
    (letter,) = dead_letters.read(filled, VIPS)
    one = f"/v1/dead/{VIPS}/{letter.id}"
    for path in ("/v1/dead", one):
        for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN):
            assert "ann@example.com" not in str(ask(served, path, role=role))
        for role in (Role.VIEWER, Role.OPERATOR):
            refused = ask(served, f"{path}?personal_data=true", role=role, status=403)
            assert refused["error"]["title"] == "This needs the role admin"
        assert "ann@example.com" in str(ask(served, f"{path}?personal_data=true", role=Role.ADMIN))
    assert ask(served, one)["message"] == "m-1"


def test_the_audit_says_who_read_persons_and_not_whom(filled: Redis, served: Console) -> None:
    (letter,) = dead_letters.read(filled, VIPS)
    ask(served, "/v1/dead?personal_data=true", role=Role.ADMIN)
    ask(served, f"/v1/dead/{VIPS}/{letter.id}?personal_data=true", role=Role.ADMIN)
    # Where nobody was seen there is nothing to note.
    ask(served, "/v1/dead", role=Role.ADMIN)
    ask(served, "/v1/dead?personal_data=true&reason=nosuch", role=Role.ADMIN)
    ask(served, "/v1/dead?personal_data=true", role=Role.VIEWER, status=403)
    ask(served, f"/v1/dead/{VIPS}/1-1?personal_data=true", role=Role.ADMIN, status=404)
    read = [(entry.who, entry.what, entry.on, entry.counts) for entry in audit.read(filled, 10)]
    one = {"letters": 1}
    assert read == [("api:admin", "persons read", str(VIPS), one), ("api:admin", "persons read", "", one)]


def test_letters_that_are_named_newest_first_are_put_back_in_their_order(filled: Redis, served: Console) -> None:
    """Else whoever joined and left in one message would end on the list."""
    now = now_ms()

    def buried(action: Action) -> DeadOnArrival:
        body = Body(action, now, "changes", "m-1", msgspec.Raw(b'{"email":"bob@example.com"}'))
        return DeadOnArrival(encode((person_key("email", "bob@example.com"),), now, body), "malformed", "$")

    accept(filled, Acceptance(LAPSED, FlushPolicy(), "", [], [buried("add"), buried("remove")], b""), now)
    newest_first = [letter.id for letter in dead_letters.read(filled, LAPSED)][::-1]
    assert ask(served, "/v1/dead/replay", {"ids": newest_first, "queue": str(LAPSED)})["replayed"] == 2
    waiting: Any = filled.lrange(keys.queue(LAPSED, "pending"), 0, -1)
    assert [decode(stored).body.action for stored in waiting] == ["add", "remove"]


def test_letters_come_in_pages_that_follow_one_another(filled: Redis, served: Console) -> None:
    for number in range(4):
        put(filled, dead=f"e{number}@example.com", queue=LAPSED, name="Lapsed")
    everything = ask(served, "/v1/dead")["letters"]
    assert [each["queue"] for each in everything] == [str(LAPSED)] * 4 + [str(VIPS)]
    found, after = [], ""
    while after is not None:
        told = ask(served, f"/v1/dead?limit=2{after and '&after=' + after}")
        found += told["letters"]
        after = told["next"]
    assert found == everything


def test_klaviyo_is_asked_only_for_those_who_may_act(filled: Redis, served: Console) -> None:
    refused = ask(served, "/v1/connections?check=true", role=Role.VIEWER, status=403)
    assert refused["error"]["title"] == "This needs the role operator"
    (default,) = ask(served, "/v1/connections", role=Role.VIEWER)["connections"]
    assert (default["name"], default["account"], default["trouble"]) == (
        "default",
        None,
        "no key: ferry connections add default",
    )


def test_a_connection_that_was_added_this_moment_is_listed_with_its_settings(redis: Redis, served: Console) -> None:
    accounts.add_key(redis, "brand-c", accounts.seal_key(Cipher([SECRET]), "pk_c", now_ms(), "AbC"))
    told = {each["name"]: each for each in ask(served, "/v1/connections", role=Role.ADMIN)["connections"]}
    assert (told["brand-c"]["key"], told["brand-c"]["policy"]) == ("kept", told["default"]["policy"])


def test_acts_are_in_the_audit_under_the_users_name(filled: Redis, served: Console) -> None:
    ask(served, "/v1/flush", {})
    ask(served, f"{QUEUE}/hold", {"reason": "wrong list"})
    ask(served, f"{QUEUE}/release", {"force": False})
    ask(served, "/v1/connections/default/hold", {"reason": "maintenance"})
    ask(served, "/v1/connections/default/release", {})
    ask(served, "/v1/dead/replay", {"all": True})
    told = ask(served, "/v1/audit?limit=4")
    assert [entry["what"] for entry in told["entries"]] == ["replay", "release", "hold", "release"]
    assert {entry["who"] for entry in told["entries"]} == {"api:operator"}
    earlier = ask(served, f"/v1/audit?before={told['next']}")
    assert [entry["what"] for entry in earlier["entries"]] == ["hold", "flush"]
    assert len(audit.read(filled, 10)) == 6


def test_a_cause_that_is_still_there_is_a_conflict(filled: Redis, served: Console) -> None:
    holds.place(filled, "default", Hold("no_api_key", now_ms(), "Give it a key.", probed=True))
    refused = ask(served, "/v1/connections/default/release", {}, status=409)
    assert "key" in refused["error"]["description"]
    assert "default" in holds.of_connections(filled)
    told = ask(served, "/v1/connections/default/release", {"force": True})
    assert (told["released"], told["still"]) == (True, refused["error"]["description"])
    assert holds.of_connections(filled) == {}


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        (f"{QUEUE}/hold", {}, 400, "reason: Missing data for required field."),
        (f"{QUEUE}/hold", {"reason": "  "}, 400, "reason: Must not be blank."),
        (f"{QUEUE}/hold", {"reason": "x", "for": "1d"}, 400, "for: Unknown field."),
        (f"{QUEUE}/release", {"force": "yes"}, 400, "force: Must be true or false."),
        ("/v1/flush", {"queues": ["default/audience/nosuch"]}, 404, "Nothing was ever accepted into"),
        ("/v1/flush", {"queues": ["nosuch"]}, 404, "is not the name of a queue"),
        ("/v1/dead/replay", {}, 400, "Select letters by ids, or by queue, reason and older_than, or by all alone."),
        ("/v1/dead/replay", {"all": True, "reason": "x"}, 400, "Select letters"),
        ("/v1/dead/replay", {"ids": ["1-1"], "reason": "x"}, 400, "Select letters"),
        ("/v1/dead/replay", {"ids": ["1-1"]}, 404, "there is no dead letter 1-1"),
        ("/v1/dead/replay", {"older_than": "7 days"}, 400, "such as 30m, 12h or 7d"),
        ("/v1/dead?after=x", None, 400, "after: Must be the `next` of an earlier answer."),
        ("/v1/dead?limit=501", None, 400, "limit: Must be greater than or equal to 1 and less than or equal to 500."),
        ("/v1/connections/nosuch/hold", {"reason": "x"}, 404, "There is no connection nosuch"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_place(
    filled: Redis, served: Console, path: str, body: Any, status: int, says: str
) -> None:
    assert says in ask(served, path, body, status=status)["error"]["description"]
    assert [(each.waiting.asked, each.hold, each.kept) for each in count(filled, [VIPS])] == [(0, None, 1)]


def test_a_body_that_is_no_json_is_refused(filled: Redis, served: Console) -> None:
    refused = ask(served, "/v1/flush", "{", status=400, Content_Type="application/json")
    assert "the body is not JSON" in refused["error"]["description"]
    refused = ask(served, "/v1/flush", "queues=x", status=415, Content_Type="application/x-www-form-urlencoded")
    assert "Content-Type: application/json" in refused["error"]["description"]


def test_one_document_and_one_page_describe_the_intake_and_the_operators_part(served: Console) -> None:
    paths = requests.get(f"{served.url}/openapi.json", timeout=30).json()["paths"]
    assert {"/v1/mparticle", "/v1/dead/replay"} <= paths.keys()
    page = requests.get(f"{served.url}/docs", timeout=30)
    assert page.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert "/v1/dead/replay" in page.text
