"""`ferry --url`: the commands do over the API what they do on the machine that runs Ferry, and print the same."""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis

from commands.main import main
from console.auth.roles import Role
from intake.http.errors import error_body
from ops.client.remote import RemoteClient
from queues import audit, dead_letters, figures, holds, keys
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.census import count
from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.snapshots import guard, orders, records
from queues.snapshots.orders import Counts, Record, SnapshotOrder
from tests.support.console import TOKENS, Console, add_users, console
from tests.support.delivering import processes
from tests.support.emulator_api import Api
from tests.support.ops import LAPSED, VIPS, change, ferry, put, settle, stays_held, take
from tests.support.people import names
from tests.support.tls import self_signed

Ferry = Callable[..., Result]
#: Lengths of time: the two are called one after the other.
_SPAN = re.compile(r"\b\d+\u00a0(d|h|min|s)\b(\u00a0\d+\u00a0(h|min)\b)?")


@pytest.fixture
def served(redis_url: str, url: str) -> Iterator[Console]:
    """A console that has not looked at anything yet."""
    with console(redis_url, klaviyo_base_url=url) as running:
        yield running


@pytest.fixture
def filled(redis: Redis, api: Api, served: Console) -> Redis:
    """Two queues, an open batch, dead letters of two reasons, and a hold."""
    add_users(redis)
    api.control("limits", {"off": True})
    put(redis, *names(100))
    batch = take(redis)
    assert batch is not None
    settle(redis, batch, dead=3)
    put(redis, *names(101, 200), dead="ann@example.com")
    assert take(redis) is not None
    put(redis, "bob@example.com", queue=LAPSED, name="Lapsed")
    holds.place(redis, "brand-b", Hold("unauthenticated", now_ms(), "Give it a key.", "e-1", probed=True))
    holds.confirm(redis, "brand-b")
    return redis


@pytest.fixture
def here(redis_url: str, tmp_path: Path, served: Console, url: str) -> Ferry:
    """`ferry` on the machine that runs Ferry."""
    return lambda *words: ferry(redis_url, tmp_path, *words, KLAVIYO_BASE_URL=url, KLAVIYO_API_KEY="")


def over(url: str, *words: str, role: Role = Role.ADMIN, token: str | None = None, **more: str) -> Result:
    """`ferry --url` on another machine, which knows nothing but the address and a token."""
    env = {"FERRY_TOKEN": TOKENS[role] if token is None else token, "REDIS_URL": "redis://127.0.0.1:1/0", **more}
    return CliRunner().invoke(main, ["--url", url, *words], env=env)


@pytest.fixture
def there(served: Console) -> Ferry:
    return lambda *words: over(served.url, *words)


def said(told: Result) -> tuple[int, str, str]:
    """Exit code and words, without widths of columns, lengths of time and the time at which was looked."""
    text = re.sub(r'"at": "[^"]+"', "", told.stdout)
    return told.exit_code, " ".join(_SPAN.sub("TIME", text).split()), " ".join(_SPAN.sub("TIME", told.stderr).split())


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("status", "--json"),
        ("status", "laps"),
        ("status", "Lapsed"),
        ("status", "--limit", "1"),
        ("status", "--state", "held", "--sort", "name"),
        ("status", "--json", "--limit", "1"),
        ("holds",),
        ("holds", "--json"),
        ("dead", "list"),
        ("dead", "list", "--json"),
        ("dead", "list", "--json", "--queue", "vips", "--reason", "no_email"),
        ("dead", "list", "--json", "--older-than", "1d"),
        ("dead", "list", "--json", "--older-than", "9999999999d"),
        ("dead", "list", "--queue", "nosuch"),
        ("dead", "show", "1-1"),
        ("dead", "show", "Lapsed"),
        ("dead", "replay", "1-1"),
        ("dead", "replay"),
        ("dead", "replay", "--all", "--reason", "x"),
        ("audit",),
        ("audit", "--json", "--limit", "2"),
        ("connections", "list"),
        ("connections", "list", "--json"),
        ("flush", "laps"),
        ("hold", "defualt", "--reason", "x"),
        ("release", "nosuch"),
        ("release", "default"),
    ],
)
def test_what_is_printed_is_the_same_from_afar(
    filled: Redis, here: Ferry, there: Ferry, words: tuple[str, ...]
) -> None:
    for number in range(3):
        audit.note(filled, "cli:root", "flush", VIPS, changes=1_000 * number)
    assert said(there(*words)) == said(here(*words))


def test_a_census_that_does_not_add_up_ends_with_1_from_afar_too(filled: Redis, there: Ferry) -> None:
    filled.hincrby(keys.queue(VIPS), "accepted", 1)
    assert there("status").exit_code == 1


def test_thousands_of_letters_are_listed_in_pages_and_in_order(filled: Redis, here: Ferry, there: Ferry) -> None:
    for start in range(1_000, 2_200, 100):
        put(filled, *names(100, start), queue=LAPSED, name="Lapsed")
        batch = take(filled, LAPSED)
        assert batch is not None
        settle(filled, batch, dead=100)
    listed = json.loads(there("dead", "list", "--json").stdout)
    assert len(listed) == 1_204
    assert listed == json.loads(here("dead", "list", "--json").stdout)


@pytest.mark.parametrize("personal", [(), ("--personal-data",)])
def test_a_letter_is_shown_as_here(filled: Redis, here: Ferry, there: Ferry, personal: tuple[str, ...]) -> None:
    *_, letter = dead_letters.read(filled, VIPS)
    told = there("dead", "show", letter.id, "--queue", "VIPs", *personal)
    assert said(told) == said(here("dead", "show", letter.id, "--queue", "VIPs", *personal))
    assert ("ann@example.com" in told.output) == bool(personal)


def test_an_id_that_two_queues_have_asks_for_the_queue_from_afar_too(filled: Redis, there: Ferry) -> None:
    letter, *_ = dead_letters.read(filled, VIPS)
    filled.copy(keys.queue(VIPS, "dead"), keys.queue(LAPSED, "dead"))
    figures.recount(filled, [LAPSED])
    told = there("dead", "show", letter.id)
    assert (told.exit_code, "is in several queues; add --queue" in told.stderr) == (2, True)


def test_replaying_by_filter_and_by_id_puts_back_what_is_meant(redis: Redis, there: Ferry) -> None:
    add_users(redis)
    put(redis, dead="ann@example.com")
    put(redis, dead="bob@example.com")
    put(redis, dead="cid@example.com", queue=LAPSED, name="Lapsed")
    letter, *_ = dead_letters.read(redis, VIPS)
    assert there("dead", "replay", letter.id, "--queue", "VIPs").stdout.startswith("1 dead letter put back")
    assert there("dead", "replay", "--queue", "Lapsed", "--reason", "malformed").stdout.startswith("1 dead letter put")
    assert there("dead", "replay", "--all", "--older-than", "1d").exit_code == 2
    assert there("dead", "replay", "--older-than", "1d").stdout.startswith("0 dead letters put back")
    assert there("dead", "replay", "--all").stdout.startswith("1 dead letter put back")
    assert [(each.waiting.pending, each.kept) for each in count(redis, [VIPS, LAPSED])] == [(2, 0), (1, 0)]


def test_letters_of_people_under_way_stay_and_end_with_1(filled: Redis, here: Ferry, there: Ferry) -> None:
    put(filled, *names(100))
    assert take(filled) is not None
    told = there("dead", "replay", "--queue", "VIPs", "--reason", "no_email")
    assert (told.exit_code, told.stdout) == (1, "0 dead letters put back; `ferry flush` sends them now.\n")
    assert said(told) == said(here("dead", "replay", "--queue", "VIPs", "--reason", "no_email"))


def test_a_flush_waits_until_all_is_settled_and_tells_what_died(redis: Redis, redis_url: str, there: Ferry) -> None:
    add_users(redis)
    put(redis, *names(30), dead="ann@example.com")
    put(redis, *names(250), queue=LAPSED, name="Lapsed")
    with processes(redis, redis_url, dead=3):
        told = there("flush", "--all", "--wait")
    assert told.exit_code == 1, told.output
    assert "VIPs  default/audience/42: 30 changes to be sent\n" in told.stdout
    assert "Lapsed  brand-b/audience/43: 250 changes to be sent\n" in told.stdout
    assert "all settled, but 3 changes became dead letters" in told.stderr
    assert [(each.waiting.pending, each.open) for each in count(redis, [VIPS, LAPSED])] == [(0, 0), (0, 0)]


def test_a_flush_of_more_queues_than_one_request_names_asks_for_all(redis: Redis, there: Ferry) -> None:
    add_users(redis)
    queues = [Queue("default", "audience", f"{'ü' * 190}/{number}") for number in range(60)]
    for queue in queues:
        put(redis, "ann@example.com", queue=queue)
    told = there("flush", "--all")
    assert (told.exit_code, told.stdout.count("1 change to be sent")) == (0, 60)
    assert [each.waiting.asked for each in count(redis, queues)] == [1] * 60


def test_a_hold_is_placed_and_released_and_the_audit_names_the_user(filled: Redis, served: Console) -> None:
    told = over(served.url, "hold", "VIPs", "--reason", "ask ann@example.com", role=Role.OPERATOR)
    assert told.stdout == "default/audience/42 is held. To release it: ferry release default/audience/42\n"
    told = over(served.url, "hold", "VIPs", "--reason", "mine", role=Role.OPERATOR)
    assert "is already held for" in told.stdout
    assert "(ask ***); that reason stays" in told.stdout
    assert over(served.url, "release", "42", role=Role.OPERATOR).stdout == "default/audience/42 was released.\n"
    assert holds.of_queue(filled, VIPS) is None
    acts = [(entry.who, entry.what, entry.outcome) for entry in audit.read(filled, 3)]
    assert acts == [
        ("api:operator", "release", "done"),
        ("api:operator", "hold", "held already"),
        ("api:operator", "hold", "done"),
    ]


def test_a_cause_that_is_still_there_keeps_the_hold_until_it_is_forced(
    filled: Redis, here: Ferry, there: Ferry
) -> None:
    told = there("release", "brand-b")
    stays_held(told, "brand-b stays held (unauthenticated)")
    assert said(told) == said(here("release", "brand-b"))
    told = there("release", "brand-b", "--force")
    assert (told.exit_code, told.stdout) == (0, "brand-b was released.\n")
    assert "Released anyway: " in told.stderr


def test_a_hold_that_came_after_the_census_was_taken_is_not_said_to_have_ended(
    filled: Redis, there: Ferry, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = RemoteClient.connection_names

    def meanwhile(client: RemoteClient) -> set[str]:
        holds.place(filled, "default", Hold("no_api_key", now_ms(), "Give it a key.", probed=True))
        return names(client)

    monkeypatch.setattr(RemoteClient, "connection_names", meanwhile)
    stays_held(there("release", "default"), "default stays held: ")
    assert "default" in holds.of_connections(filled)


def test_a_snapshot_that_the_guard_holds_is_carried_out_and_its_numbers_are_shown(redis: Redis, there: Ferry) -> None:
    add_users(redis)
    queue, now = orders.queue_of("default", "42"), now_ms()
    record = Record(str(queue), SnapshotOrder(orders.new_id(queue), now, "csv"), now, 10)
    orders.submit(redis, queue, record, b"", now)
    record.state, record.counts, record.examples = "held", Counts(rows=1_234, removals=77), {"no_email": [2]}
    records.note(redis, record)
    holds.place(redis, queue, Hold(guard.GUARD, now))
    told = there("release", str(queue))
    assert told.exit_code == 0, told.output
    assert f"Snapshot {record.order.snapshot} is carried out:" in told.stdout
    assert "in 1,234 rows" in told.stdout
    assert re.search(r"Removed +77", told.stdout)


@pytest.mark.parametrize(
    "words",
    [
        ("doctor",),
        ("up",),
        ("users", "list"),
        ("dead", "purge", "--all"),
        ("dead", "export"),
        ("connections", "add", "brand-c"),
        ("sync", "vips", "vips.csv"),
    ],
)
def test_what_needs_the_machine_itself_says_so(words: tuple[str, ...], served: Console) -> None:
    told = over(served.url, *words)
    assert told.exit_code == 2
    name = " ".join(words[:2] if words[0] in ("dead", "connections") else words[:1])
    assert (
        f"`ferry {name}` works only on the machine that runs Ferry. Over --url (FERRY_URL) these work: " in told.stderr
    )


@pytest.mark.parametrize("words", [("doctor",), ("users", "list"), ("dead", "purge"), ("dead", "list")])
def test_everything_explains_itself_over_the_url_too(words: tuple[str, ...]) -> None:
    told = over("https://ferry.example.com", *words, "--help")
    assert (told.exit_code, told.stdout) == (0, CliRunner().invoke(main, [*words, "--help"]).stdout)


def test_an_option_that_asks_for_help_by_chance_lets_nothing_be_done_here(redis: Redis, redis_url: str) -> None:
    put(redis, dead="ann@example.com")
    filled = Acceptance(VIPS, FlushPolicy(), "", [], [DeadOnArrival(change("bob@example.com"), "-h", "$")], b"")
    accept(redis, filled, now_ms())
    told = over("https://ferry.example.com", "dead", "purge", "--yes", "--reason", "-h", REDIS_URL=redis_url)
    assert told.stdout.startswith("Usage: ")
    assert [each.kept for each in count(redis, [VIPS])] == [2]


@pytest.mark.parametrize("target", [".", ".."])
def test_a_queue_that_no_path_can_name_is_said_to_have_none(redis: Redis, there: Ferry, target: str) -> None:
    add_users(redis)
    queue = Queue("default", "audience", target)
    put(redis, "bob@example.com", queue=queue, dead="ann@example.com")
    (letter,) = dead_letters.read(redis, queue)
    for words in (("hold", str(queue), "--reason", "x"), ("release", str(queue)), ("dead", "show", letter.id)):
        told = there(*words)
        assert (told.exit_code, "has no address over HTTP" in told.stderr) == (1, True), told.output
    assert there("flush", str(queue)).stdout.endswith("1 change to be sent\n")


@pytest.mark.parametrize("target", ["a/b", "é😀", "q\"'<>", "?x#y", "%2F", "~", "...", " ", "a\nb", "x" * 200])
def test_a_queue_of_any_other_name_is_held_and_released(redis: Redis, there: Ferry, target: str) -> None:
    add_users(redis)
    queue = Queue("default", "audience", target)
    put(redis, "bob@example.com", queue=queue, dead="ann@example.com")
    (letter,) = dead_letters.read(redis, queue)
    assert there("hold", str(queue), "--reason", "x").exit_code == 0
    assert holds.of_queue(redis, queue) is not None
    assert there("release", str(queue)).exit_code == 0
    assert json.loads(there("dead", "show", letter.id, "--queue", str(queue)).stdout)["queue"] == str(queue)
    assert there("dead", "replay", letter.id).exit_code == 0


def test_the_address_of_a_page_is_told_from_a_wrong_token(redis: Redis, served: Console) -> None:
    add_users(redis)
    told = over(f"{served.url}/queues", "status")
    assert (told.exit_code, "where /readyz answers, without a path" in told.stderr) == (1, True), told.output


def test_a_token_goes_to_no_proxy_in_plain(redis: Redis, served: Console) -> None:
    add_users(redis)
    with answering(200, b"{}") as proxy:
        told = over(served.url, "status", HTTP_PROXY=proxy, http_proxy=proxy)
    assert (told.exit_code, told.stderr) == (0, "")


def test_a_wrong_token_and_a_role_that_may_not_are_told_apart(filled: Redis, served: Console) -> None:
    told = over(served.url, "status", token="ferry_wrong")
    assert told.exit_code == 1
    assert "does not know the token in FERRY_TOKEN" in told.stderr
    assert "ferry_wrong" not in told.output
    told = over(served.url, "flush", "--all", role=Role.VIEWER)
    assert told.exit_code == 1
    assert "This needs the role operator: viewer has the role viewer" in told.stderr
    told = over(served.url, "audit", role=Role.VIEWER)
    assert (told.exit_code, "This needs the role operator" in told.stderr) == (1, True)


@pytest.mark.parametrize(
    ("url", "token", "says"),
    [
        ("https://ferry.example.com", "", "FERRY_TOKEN is not set"),
        ("https://ferry.example.com", "two words", "FERRY_TOKEN is not set, or is not a token"),
        ("http://ferry.example.com", "x", "over plain http anybody"),
        ("ferry.example.com", "x", "not an address of Ferry"),
        ("https://ann:secret@ferry.example.com", "x", "not an address of Ferry"),
        ("https://:secret@ferry.example.com", "x", "not an address of Ferry"),
        ("https://ferry.example.com:port", "x", "not an address of Ferry"),
        ("https://[ferry", "x", "not an address of Ferry"),
        ("", "x", "not an address of Ferry"),
    ],
)
def test_what_cannot_be_used_is_not_asked(url: str, token: str, says: str) -> None:
    told = over(url, "status", token=token)
    assert (told.exit_code, says in told.stderr, "secret" in told.output) == (2, True, False)


def test_an_address_where_nobody_answers_ends_with_1() -> None:
    told = over("http://127.0.0.1:1", "status")
    assert (told.exit_code, "cannot be reached: it does not answer" in told.stderr) == (1, True)


@contextmanager
def answering(
    status: int, body: bytes, headers: Mapping[str, str] | None = None, certificate: Path | None = None
) -> Iterator[str]:
    """The URL of something that is not Ferry; with a certificate, over https."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "headers", "says"),
    [
        (200, b"<html>", {}, "is not Ferry: it answered 200"),
        (301, b"", {"Location": "https://elsewhere.example.com/"}, "redirects to https://elsewhere.example.com/"),
        (404, b"<html>", {}, "is not Ferry: it answered 404"),
        (404, error_body("404 Not Found", "Not Found", "Nothing."), {}, "is not Ferry: it answered 404"),
        (404, error_body("404 Not Found", "No such queue", "None of this name."), {}, "None of this name."),
        (502, b"Bad Gateway", {}, "`ferry web` does not run there, or took longer"),
        (200, b'{"queues": 1}', {}, "gave an answer that this version of Ferry does not understand"),
        (200, b"[]", {}, "is not Ferry"),
    ],
)
def test_what_is_no_ferry_is_said_to_be_none(status: int, body: bytes, headers: dict[str, str], says: str) -> None:
    with answering(status, body, headers) as url:
        told = over(url, "status")
    assert (told.exit_code, says in told.stderr) == (1, True), told.output


def test_a_certificate_that_nobody_signed_is_refused_until_it_is_named(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with answering(200, b"<html>", certificate=certificate) as url:
        told = over(url, "status")
        assert (told.exit_code, "its certificate is not trusted" in told.stderr) == (1, True), told.output
        told = over(url, "status", REQUESTS_CA_BUNDLE=str(certificate))
        assert "is not Ferry: it answered 200" in told.stderr
