"""Which sender may post what, where: every route for every sender and connection, over HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import requests
from redis import Redis

from configuration.connections import Connection, Connections
from configuration.senders import Sender
from configuration.settings import Settings, Token
from intake.segment.auth import SIGNATURE
from queues import pending
from tests.support.intake import Intake, running
from tests.support.posted import membership, message
from tests.support.tracking import LIBRARIES

Send = Callable[[Intake, str, str], requests.Response]

#: Connection -> the mParticle account that leads to it.
ACCOUNTS: Final = {"default": None, "brand_a": 1, "brand_b": 2, "mparticle-7": 7, "mparticle-8": 8}
EVERY_ROUTE: Final = frozenset({"mparticle", "changes", "segment", "snapshots", "campaigns"})
CONNECTIONS: Final = frozenset(ACCOUNTS)
#: Sender -> its table, and from this: the routes and the connections that are open to it.
SENDERS: Final = {
    "unlimited": (Sender("unlimited"), EVERY_ROUTE, CONNECTIONS),
    "of_segment": (Sender("of_segment", routes=frozenset({"segment"})), {"segment"}, CONNECTIONS),
    "of_campaigns": (Sender("of_campaigns", routes=frozenset({"campaigns"})), {"campaigns"}, CONNECTIONS),
    "of_snapshots": (Sender("of_snapshots", routes=frozenset({"snapshots"})), {"snapshots"}, CONNECTIONS),
    "of_a": (Sender("of_a", connections=frozenset({"brand_a"})), EVERY_ROUTE, {"brand_a"}),
    "of_default": (Sender("of_default", connections=frozenset({"default"})), EVERY_ROUTE, {"default"}),
    "of_7": (Sender("of_7", mparticle_accounts=frozenset({7})), EVERY_ROUTE, {"mparticle-7"}),
    "of_2": (Sender("of_2", mparticle_accounts=frozenset({2})), EVERY_ROUTE, {"brand_b"}),
    "segment_of_b": (
        Sender("segment_of_b", routes=frozenset({"segment"}), connections=frozenset({"brand_b"})),
        {"segment"},
        {"brand_b"},
    ),
}


_ANN: Final = {"type": "identify", "userId": "u", "messageId": "m", "traits": {"email": "ann@example.com"}}


def token(name: str) -> str:
    return f"the token of {name}, long enough"


def account(connection: str) -> dict[str, Any]:
    return {"account": {"account_id": ACCOUNTS[connection]} if ACCOUNTS[connection] is not None else {}}


def mparticle(body: Callable[[], dict[str, Any]]) -> Send:
    def send(intake: Intake, connection: str, shown: str) -> requests.Response:
        return intake.post("/v1/mparticle", body() | account(connection), shown)

    return send


def at(path: str) -> Send:
    return lambda intake, connection, shown: intake.get(f"{path}?connection={connection}", shown)


def _changes(intake: Intake, connection: str, shown: str) -> requests.Response:
    body = {"audience": {"id": "42", "name": "VIPs"}, "changes": [{"action": "add", "email": "ann@example.com"}]}
    return intake.post(f"/v1/changes?connection={connection}", body, shown)


def _segment(intake: Intake, connection: str, shown: str) -> requests.Response:
    body = {"type": "identify", "userId": "u", "messageId": "m", "traits": {"email": "ann@example.com"}}
    return intake.post(f"/v1/segment?connection={connection}", body, shown)


def _batch(intake: Intake, connection: str, shown: str) -> requests.Response:
    posted = LIBRARIES["segment-node"].posted(shown, _ANN)
    return posted.send(intake, f"?connection={connection}")


def _track(intake: Intake, connection: str, shown: str) -> requests.Response:
    return intake.post(f"/v1/t?connection={connection}", {"userId": "u", "event": "Played"}, shown)


def _keyed(intake: Intake, connection: str, shown: str) -> requests.Response:
    return LIBRARIES["segment-kotlin"].posted(shown, _ANN).send(intake, f"?connection={connection}")


def _members(intake: Intake, connection: str, shown: str) -> requests.Response:
    path = f"/v1/audiences/42/members?connection={connection}"
    return intake.put(path, "email\nann@example.com\n", shown, Content_Type="text/csv")


def _campaign(intake: Intake, connection: str, shown: str) -> requests.Response:
    group = {"name": "A", "members": [{"email": "ann@example.com"}]}
    return intake.post("/v1/campaigns", {"name": "Sale", "connection": connection, "groups": [group]}, shown)


#: What is sent -> the routes of which one opens it, the way to send it, and the status where it is open.
SENT: Final[dict[str, tuple[set[str], Send, int]]] = {
    "membership": ({"mparticle"}, mparticle(lambda: membership("ann@example.com")), 202),
    "subscription": (
        {"mparticle"},
        mparticle(lambda: message("audience_subscription", audience_id=42, audience_name="VIPs", action="add")),
        200,
    ),
    "events": ({"mparticle"}, mparticle(lambda: message("event_processing", mpid="1")), 200),
    "erasure": (
        {"mparticle"},
        mparticle(
            lambda: message(
                "dsr_processing",
                subject_request_type="erasure",
                subject_identities={"email": {"value": "ann@example.com", "encoding": "raw"}},
            )
        ),
        200,
    ),
    "changes": ({"changes"}, _changes, 202),
    "segment": ({"segment"}, _segment, 200),
    "batch": ({"segment"}, _batch, 200),
    "track": ({"segment"}, _track, 200),
    "key in the body": ({"segment"}, _keyed, 200),
    "members": ({"snapshots"}, _members, 202),
    "campaign": ({"campaigns"}, _campaign, 202),
    "syncs": ({"snapshots", "campaigns"}, at("/v1/audiences/42/syncs"), 200),
    "sync": ({"snapshots", "campaigns"}, at("/v1/audiences/42/syncs/00-0123456789abcdef"), 404),
}
_WRITES: Final = set(SENT) - {"syncs", "sync", "events"}


@pytest.fixture(scope="module")
def scoped(redis_server: str) -> Iterator[Intake]:
    """An intake with all these senders."""
    known = Connections(
        {name: Connection(name, mparticle_account=ACCOUNTS[name]) for name in ("default", "brand_a", "brand_b")}
    )
    senders = tuple(
        Sender(
            each.name,
            (token(each.name),),
            (f"the secret of {each.name}, long enough",),
            each.routes,
            each.connections,
            each.mparticle_accounts,
        )
        for each, _, _ in SENDERS.values()
    )
    simple = (Token("simple", token("simple")),)
    with running(Settings(redis_server, known, tokens=simple, senders=senders)) as intake:
        yield intake


@pytest.mark.parametrize("sent", SENT)
@pytest.mark.parametrize("sender", SENDERS)
def test_a_sender_reaches_what_its_table_says_and_nothing_else(
    scoped: Intake, redis: Redis, sender: str, sent: str
) -> None:
    routes, send, status = SENT[sent]
    _, open_routes, open_connections = SENDERS[sender]
    for connection in ACCOUNTS:
        open_to_it = not routes.isdisjoint(open_routes) and connection in open_connections
        answer = send(scoped, connection, token(sender))
        assert answer.status_code == (status if open_to_it else 403), (connection, answer.text)
        if not open_to_it:
            said = answer.json()["error"]["description"]
            assert said.startswith(f"Sender {sender} lacks ")
            assert "Nothing was accepted" in said
    reached = {queue.connection for queue in pending.all_queues(redis)}
    assert reached <= open_connections
    if sent in _WRITES and not routes.isdisjoint(open_routes):
        assert reached == open_connections


@pytest.mark.parametrize("sent", SENT)
def test_the_simple_form_may_post_everywhere(scoped: Intake, redis: Redis, sent: str) -> None:
    _, send, status = SENT[sent]
    for connection in ACCOUNTS:
        assert send(scoped, connection, token("simple")).status_code == status


@pytest.mark.parametrize(
    ("sender", "send", "lacks"),
    [
        ("of_segment", _changes, "the route changes; it has segment"),
        ("of_a", _changes, "the connection that was named; it has brand_a"),
        ("of_7", _changes, "the connection brand_b; it has 7"),
        ("of_7", SENT["membership"][1], "the mParticle account 2; it has 7"),
        ("of_a", SENT["membership"][1], "the connection brand_b; it has brand_a"),
    ],
)
def test_403_says_what_is_lacking(scoped: Intake, sender: str, send: Send, lacks: str) -> None:
    assert lacks in send(scoped, "brand_b", token(sender)).json()["error"]["description"]


def test_a_message_without_an_account_is_none_of_an_account(scoped: Intake) -> None:
    answer = scoped.post("/v1/mparticle", membership("ann@example.com", account={}), token("of_7"))
    assert answer.status_code == 403
    assert "messages without account.account_id" in answer.json()["error"]["description"]


def test_without_a_connection_it_is_the_default_one_also_for_a_scope(scoped: Intake) -> None:
    body = {"audience": {"id": "42"}, "changes": []}
    assert scoped.post("/v1/changes", body, token("of_default")).status_code == 202
    assert scoped.post("/v1/changes", body, token("of_a")).status_code == 403


def test_a_sender_learns_nothing_of_connections_that_are_closed_to_it(scoped: Intake) -> None:
    told = [_changes(scoped, name, token("of_a")).json() for name in ("brand_b", "no_such")]
    assert told[0] == told[1]
    answer = _changes(scoped, "no_such", token("of_7"))
    assert answer.status_code == 404
    assert not any(name in answer.text for name in ("brand_a", "brand_b", "default"))


@pytest.mark.parametrize(
    "path", ["//v1/changes", "/v1//changes", "/v1/changes/", "/v1/%63hanges", "/V1/changes", "/./v1/changes"]
)
def test_no_spelling_of_an_address_leads_around_the_routes(scoped: Intake, redis: Redis, path: str) -> None:
    body = json.dumps({"audience": {"id": "42"}, "changes": [{"action": "add", "email": "ann@example.com"}]}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Token {token('of_segment')}\r\nConnection: close\r\n"
    answer = scoped.raw(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    assert answer.split()[1] in (b"403", b"404"), answer
    assert pending.all_queues(redis) == []


@pytest.mark.parametrize(
    ("sender", "connection", "status"),
    [("segment_of_b", "brand_b", 200), ("segment_of_b", "brand_a", 403), ("of_campaigns", "brand_b", 403)],
)
def test_a_secret_of_segments_is_a_sender_with_its_scope(
    scoped: Intake, redis: Redis, sender: str, connection: str, status: int
) -> None:
    body = json.dumps({"type": "identify", "messageId": "m", "traits": {"email": "ann@example.com"}}).encode()
    signature = hmac.new(f"the secret of {sender}, long enough".encode(), body, hashlib.sha1).hexdigest()
    path = f"{scoped.url}/v1/segment?connection={connection}"
    answer = requests.post(path, data=body, headers={SIGNATURE: signature}, timeout=30)
    assert answer.status_code == status, answer.text
    assert bool(pending.all_queues(redis)) == (status == 200)


def test_the_routes_hold_for_mparticles_registration_too_once_a_token_is_shown(scoped: Intake) -> None:
    registration = {"type": "module_registration_request"}
    assert scoped.post("/v1/mparticle", registration, token("of_segment")).status_code == 403
    assert scoped.post("/v1/mparticle", registration, "").status_code == 200
