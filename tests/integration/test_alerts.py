"""Alerts told to real receivers: once when they begin, once when they are over, whatever fails or dies in between."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from alerts import watching
from alerts import watching as judging
from alerts.news import WRITTEN_OUT
from configuration.alerts import Alerting, Limits, Mail, Webhook
from configuration.settings import Settings
from queues import alerts, holds, keys
from queues.clock import now_ms
from queues.holds import Hold
from queues.server import installation
from tests.support.alerts import LOGIN, SECRET, Mailbox, Posts, dripping, everything_runs, judged, mailing, receiving
from tests.support.intake import known
from tests.support.ops import VIPS, put, settle, take
from tests.support.people import names
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("running")


@pytest.fixture
def running(redis: Redis) -> None:
    """A scheduler and a worker were seen just now."""
    everything_runs(redis)


@pytest.fixture
def posts() -> Any:
    """An HTTP server."""
    with receiving() as started:
        yield started


def held(redis: Redis) -> None:
    assert holds.place(redis, "default", Hold("list_gone", now_ms(), "Restore the list."))


def test_slack_is_told_once_when_it_begins_and_once_when_it_is_over(redis: Redis, posts: Posts) -> None:
    alerting = Alerting(slack=posts.url, console_url="https://ferry.example.com")
    held(redis)
    for _ in range(3):
        judged(redis, alerting)
    (told,) = posts.texts
    assert told == (
        "*Ferry*\ndefault is held: list_gone.\nRestore the list. `ferry holds` shows the details, `ferry release "
        "default` ends the hold.\n\nhttps://ferry.example.com"
    )
    holds.release(redis, "default")
    for _ in range(3):
        judged(redis, alerting)
    assert len(posts.texts) == 2
    assert posts.texts[1].startswith("*Ferry*\nover: default is held: list_gone, after ")
    assert alerts.raised(redis) == []


def test_a_webhook_is_signed_so_that_a_receiver_can_tell(redis: Redis, posts: Posts) -> None:
    held(redis)
    judged(redis, Alerting(webhook=Webhook(posts.url, SECRET), console_url="https://ferry.example.com"))
    (body,), (headers,) = posts.bodies, posts.headers
    signed = f"{headers['Ferry-Timestamp']}.".encode() + body
    assert hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest() == headers["Ferry-Signature"]
    assert abs(int(headers["Ferry-Timestamp"]) - now_ms() / 1000) < 300
    found = json.loads(body)
    assert found["url"] == "https://ferry.example.com"
    (alert,) = found["alerts"]
    assert (alert["rule"], alert["on"], alert["state"], alert["over"]) == ("holds", "default", "raised", None)
    assert alert["text"] == "default is held: list_gone"


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_letter_comes_over_tls_with_the_login(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    held(redis)
    with mailing(tmp_path, tls_at_once=scheme == "smtps") as box:
        monkeypatch.setenv("SSL_CERT_FILE", str(box.certificate))
        judged(redis, mail_to(box, scheme))
    (letter,) = box.letters
    assert box.recipients == [["ops@example.com", "it@example.com"]]
    assert letter["Subject"] == "Ferry: default is held: list_gone"
    assert "`ferry release default`" in letter.get_content()


def mail_to(box: Mailbox, scheme: str = "smtp", login: str = LOGIN) -> Alerting:
    return Alerting(
        mail=Mail(("ops@example.com", "it@example.com"), "ferry@example.com", f"{scheme}://{login}@{box.place}")
    )


@pytest.mark.parametrize(
    ("login", "trusted", "why"),
    [
        ("ferry:wrong", True, "the mail server answered 535 (SMTPAuthenticationError)"),
        (LOGIN, False, "network: SSLCertVerificationError"),
    ],
)
def test_a_mail_server_that_refuses_is_in_the_log_without_a_secret(
    redis: Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    login: str,
    trusted: bool,
    why: str,
) -> None:
    held(redis)
    with mailing(tmp_path) as box:
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(box.certificate))
        judged(redis, mail_to(box, login=login))
        assert box.letters == []
    assert f"email could not be notified of 1 alert ({why}); the next attempt is in a minute" in caplog.messages


def test_a_mail_server_that_knows_nobody_is_in_the_log_without_the_addresses(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    held(redis)
    with mailing(tmp_path) as box:
        monkeypatch.setenv("SSL_CERT_FILE", str(box.certificate))
        box.knows = False
        judged(redis, mail_to(box))
    assert "(the mail server answered 550 to every address in email_to); the next attempt" in caplog.text
    assert "ops@example.com" not in caplog.text


def test_no_letter_and_no_password_goes_to_a_mail_server_without_tls(
    redis: Redis, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    held(redis)
    with mailing(tmp_path, starttls=False) as box:
        judged(redis, mail_to(box))
        assert box.letters == []
    assert "the mail server does not offer STARTTLS" in caplog.text


def test_a_channel_that_fails_is_tried_again_and_the_others_are_not_told_twice(
    redis: Redis, posts: Posts, caplog: pytest.LogCaptureFixture
) -> None:
    held(redis)
    with receiving() as others:
        alerting = Alerting(slack=posts.url, webhook=Webhook(others.url, SECRET))
        posts.statuses = [500, 302, 200]
        for _ in range(5):
            judged(redis, alerting)
        assert (len(posts.bodies), len(others.bodies)) == (3, 1)
    for status in (500, 302):
        assert f"slack could not be notified of 1 alert (answered HTTP {status}); the next attempt is in a minute" in (
            caplog.messages
        )
    assert "secret" not in caplog.text


def test_a_receiver_that_is_not_there_stops_nothing(redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    held(redis)
    judged(redis, Alerting(slack="http://127.0.0.1:1/secret-of-slack"))
    assert "slack could not be notified of 1 alert (network: ConnectionError)" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("channel", ["slack", "email"])
def test_a_receiver_that_drips_is_cut_off(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, channel: str
) -> None:
    held(redis)
    for module in ("posting", "mail"):
        monkeypatch.setattr(f"alerts.{module}.TOTAL_S", 0.5)
    with dripping({"slack": b"HTTP/1.1 200 OK\r\nX: ", "email": b"220-"}[channel]) as place:
        mail = Mail(("ops@example.com",), "ferry@example.com", f"smtp://{place}")
        judged(redis, Alerting(slack=f"http://{place}/x") if channel == "slack" else Alerting(mail=mail))
    assert f"{channel} could not be notified of 1 alert (no answer in time)" in caplog.text


def test_what_was_told_is_known_after_a_restart_and_to_every_process(
    redis: Redis, posts: Posts, redis_url: str
) -> None:
    alerting = Alerting(slack=posts.url)
    held(redis)
    judged(redis, alerting)
    with Redis.from_url(redis_url) as another:
        judged(another, alerting)
    assert len(posts.bodies) == 1


def test_of_very_many_alerts_the_log_names_some(redis: Redis, posts: Posts, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "alerts")
    for number in range(WRITTEN_OUT + 1):
        holds.place(redis, f"brand-{number:02d}", Hold("list_gone", 7))
    judged(redis, Alerting(slack=posts.url))
    (line,) = (message for message in caplog.messages if message.startswith("slack was notified of 21 alerts: "))
    assert (line.count("holds/brand-"), line.endswith(", ...")) == (WRITTEN_OUT, True)


def test_of_many_who_judge_at_a_time_one_does(redis: Redis, posts: Posts) -> None:
    held(redis)
    together = threading.Barrier(8)

    def one(_: int) -> bool:
        together.wait(60)
        return judging.judge(redis, Alerting(slack=posts.url))

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(one, range(8))) == 1
    assert len(posts.bodies) == 1
    assert 0 < redis.pttl(keys.ALERTS_JUDGING) <= alerts.EVERY_MS


def test_who_comes_too_late_tells_nobody_for_another_may_judge_meanwhile(
    redis: Redis, posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(redis)
    monkeypatch.setattr(judging, "LATEST_S", 0.0)
    judged(redis, Alerting(slack=posts.url))
    assert posts.bodies == []
    monkeypatch.undo()
    judged(redis, Alerting(slack=posts.url))
    assert len(posts.bodies) == 1


def test_letters_are_told_of_by_number_and_by_percentage(redis: Redis, posts: Posts) -> None:
    put(redis, *names(200))
    for _ in range(2):
        batch = take(redis)
        assert batch is not None
        settle(redis, batch, dead=6)
    judged(redis, Alerting(Limits(dead_letters=11), slack=posts.url))
    told = posts.texts[0].splitlines()
    assert told[1] == "default/audience/42 (VIPs) keeps 12 dead letters, more than 11."
    assert told[4] == ("12 of the last 200 changes of default/audience/42 (VIPs) became dead letters, more than 5 %.")
    assert {each.alert.on for each in alerts.raised(redis)} == {str(VIPS)}


def test_a_scheduler_that_was_never_seen_counts_from_the_first_judging(redis: Redis, posts: Posts) -> None:
    redis.delete(keys.ALERTS_SEEN)
    judged(redis, Alerting(slack=posts.url))
    assert posts.bodies == []
    seen = int(redis.hget(keys.ALERTS_SEEN, "scheduler") or 0)
    assert abs(now_ms() - seen) < 60_000
    redis.hset(keys.ALERTS_SEEN, "scheduler", seen - 180_000)
    judged(redis, Alerting(slack=posts.url))
    assert "No scheduler has ticked for 3\u00a0min: nothing is taken from the queues." in posts.texts[0]
    redis.set(keys.HEARTBEAT, now_ms())
    judged(redis, Alerting(slack=posts.url))
    assert posts.texts[1].startswith("*Ferry*\nover: No scheduler has ticked for 3\u00a0min")


def of(redis_url: str, url: str) -> Settings:
    return known(redis_url, alerts=Alerting(slack=url))


def test_a_watch_judges_in_the_background_and_ends_with_its_block(redis: Redis, redis_url: str, posts: Posts) -> None:
    held(redis)
    with watching.watching(of(redis_url, posts.url), 0.05):
        until(lambda: bool(posts.bodies), "the alert")
        assert "alerts" in {thread.name for thread in threading.enumerate()}
    until(lambda: "alerts" not in {thread.name for thread in threading.enumerate()}, "the end of the watch")


def test_nobody_watches_where_no_channel_is_configured(redis_url: str, redis: Redis) -> None:
    with watching.watching(known(redis_url), 0.05):
        assert "alerts" not in {thread.name for thread in threading.enumerate()}


def test_while_redis_is_away_the_log_says_so_once(
    redis: Redis,
    redis_url: str,
    posts: Posts,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.INFO, "alerts")
    tries: list[None] = []
    claim = installation.claim

    def counted(*arguments: Any) -> None:
        tries.append(None)
        claim(*arguments)

    monkeypatch.setattr(installation, "claim", counted)
    held(redis)
    socket = tmp_path / "redis.sock"
    with watching.watching(of(f"unix://{socket}", posts.url), 0.01):
        until(lambda: len(tries) > 2, "three tries")
        assert caplog.text.count("Redis cannot be used") == 1
        socket.symlink_to(redis_url.removeprefix("unix://"))
        until(lambda: "alerts are judged again" in caplog.text, "the judging")
    assert len(posts.bodies) == 1
