"""The first page besides what waits: what was delivered, what will be when, keys and limits, and what one may press."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests
from redis import Redis

from console.auth.roles import Role
from klaviyo.endpoints import PUBLISHED
from queues import doorbell, holds, keys  # before rq: doorbell sets RQ's key prefix
from queues.connections import accounts
from queues.klaviyo_limits import RedisLimiter, fingerprint
from queues.server import rollback

# isort: split
from rq import Worker

from queues.census import take_census
from queues.clock import now_ms
from queues.connections.accounts import Cipher
from queues.holds import Hold
from queues.names import Queue
from tests.support.console import SECRET, Console
from tests.support.ops import LAPSED, VIPS, put
from tests.support.pages import said
from tests.support.people import names
from tests.support.waiting import until
from tests.support.world import World

KEY = "pk_test"


@pytest.fixture
def processes(redis: Redis) -> Iterator[None]:
    """A scheduler and a worker, for all that anybody can see."""
    worker = Worker([doorbell.rq_queue(redis)], connection=redis)
    worker.register_birth()  # type: ignore[no-untyped-call]
    redis.set(keys.HEARTBEAT, now_ms())
    yield
    worker.register_death()  # type: ignore[no-untyped-call]


def page(served: Console, role: Role = Role.VIEWER) -> str:
    answer = served.browser(role).get(f"{served.url}/", timeout=30)
    assert answer.status_code == 200
    return answer.text


def keep_key(redis: Redis, *connections: str) -> None:
    """Ferry keeps the key of one account for these connections."""
    for name in connections:
        assert accounts.add_key(redis, name, accounts.seal_key(Cipher((SECRET,)), KEY, now_ms(), None))


def test_an_upload_stands_there_with_its_end_its_day_and_the_limits_it_used(world: World, served: Console) -> None:
    keep_key(world.redis, "default")
    world.change("add", "ann@example.com", "ben@example.com", {"email": "no address"})
    world.deliver()
    text = said(page(served))
    assert re.search(r"Settled Queue Trigger Changes Delivered Dead Duration \d+s ago VIPs operator 3 2 1 \d+s", text)
    assert "2 delivered within 24 hours, most in the hour from" in text
    assert "default create_list 1 of 135 within a day" in text
    assert "1 queue has dead letters: see the reasons" in text


def test_what_klaviyo_does_not_let_through_is_said_with_why_until_it_does(world: World, served: Console) -> None:
    keep_key(world.redis, "default")
    world.change("add", "ann@example.com")
    world.fault("500", "/api/profile-bulk-import-jobs", times=1)
    batch_id = world.deliver(rings=1)
    for path in ("/", f"/queues/{VIPS}"):
        text = said(served.browser(Role.VIEWER).get(f"{served.url}{path}", timeout=30).text)
        assert "1 open batch failed: http_500. Ferry retries automatically, and nothing is lost" in text, path
        assert "after http_500" in text.replace("Nothing is lost", ""), path
    world.ring(batch_id)
    (opened,) = take_census(world.redis).queues[0].batches
    assert (opened.stage, opened.trouble) == ("confirm", "")


def test_where_nothing_was_uploaded_and_nothing_asked_that_is_said(served: Console, redis: Redis) -> None:
    put(redis, "ann@example.com")
    text = said(page(served))
    assert "No uploads yet. A batch appears here once it is settled." in text
    assert "Nothing was delivered within 24 hours" in text
    assert "No requests to Klaviyo in the last minute." in text


def test_an_account_that_connections_share_has_its_limits_once_with_what_is_paused(
    served: Console, redis: Redis
) -> None:
    keep_key(redis, "brand-c", "brand-d")
    limiter = RedisLimiter(redis, fingerprint(KEY), PUBLISHED)
    limiter.acquire("create_list")
    limiter.pause("bulk_import_profiles", 600)
    before = set(redis.scan_iter("ferry:limits*"))
    text = said(page(served))
    assert text.count("brand-c, brand-d create_list 1 of 135 within a day") == 1
    assert re.search(r"brand-c, brand-d bulk_import_profiles (0 of 135 within a minute )+for \d+m", text)
    assert set(redis.scan_iter("ferry:limits*")) <= before, "nothing is taken by looking"


def test_it_says_when_what_waits_will_be_in_klaviyo(served: Console, redis: Redis, processes: None) -> None:
    put(redis, *names(30))
    put(redis, *names(150), queue=Queue("default", "audience", "43"), name="Lapsed")
    text = said(page(served))
    assert re.search(r"by age, in 15h \d+m In Klaviyo about (\d+ \w+ )?\d\d:\d\d UTC", text)
    assert re.search(r"by size, now 100 of 150 in Klaviyo about (\d+ \w+ )?\d\d:\d\d UTC", text)


def test_nothing_is_promised_while_it_is_held(served: Console, redis: Redis, processes: None) -> None:
    put(redis, *names(30))
    holds.place(redis, VIPS, Hold("list_gone", now_ms(), "Restore the list."))
    text = said(page(served))
    assert "Klaviyo about" not in text
    assert "1 queue is held: see the holds" in text


def test_a_connection_stands_there_with_its_key_or_what_to_do_for_one(served: Console, redis: Redis) -> None:
    keep_key(redis, "brand-c")
    put(redis, "a@example.com", queue=LAPSED, name="Lapsed")
    text = said(page(served))
    assert "brand-c Active its key is stored by Ferry 0 0" in text
    assert "default Active no key: ferry connections add default 0 0" in text
    assert "brand-b Active no longer configured, but it has queues: ferry connections add brand-b 1 1" in text
    assert re.search(r"Ferry uses revision \d{4}-\d\d-\d\d of Klaviyo's API", text)
    assert KEY not in text


def test_connections_and_holds_without_end_are_counted_and_the_first_shown(served: Console, redis: Redis) -> None:
    for account in range(203):
        holds.place(redis, f"mparticle-{account}", Hold("no_api_key", now_ms()))
    put(redis, "ann@example.com")
    shown = page(served)
    assert (shown.count('id="connection-mparticle-'), shown.count('id="connection-')) == (200, 200)
    assert "And 4 other connections: ferry connections list shows all." in said(shown)
    assert f'id="{VIPS}"' in shown, "its connection is none of those"
    held = served.browser(Role.VIEWER).get(f"{served.url}/holds", timeout=30).text
    assert held.count('class="held"') == 200
    assert "And 3 other holds: ferry holds lists all." in said(held)


def test_whoever_may_act_finds_what_to_press_beside_each_row_and_nobody_else(served: Console, redis: Redis) -> None:
    odd = Queue("default", "audience", "a/b c")
    put(redis, "a@example.com", queue=odd, name="Odd")
    holds.place(redis, odd, Hold("list_gone", now_ms()))
    place = "/queues/default/audience/a%2Fb%20c"
    shown = page(served, Role.OPERATOR)
    for path in (f"{place}/flush", f"{place}/release", "/connections/default/hold", "/flush"):
        assert f'<a class="act" href="{path}?next=/"' in shown, "and comes back from there"
    assert f'"{place}/hold?' not in shown, "it is held already"
    assert f'<a href="{place}">Odd</a>' in page(served), "everybody comes to its page"
    assert 'class="act"' not in page(served)


def test_the_next_look_tells_what_happened_since(served: Console, redis: Redis) -> None:
    browser = served.browser(Role.OPERATOR)
    put(redis, "ann@example.com")
    assert "1 of 100" in browser.get(f"{served.url}/", timeout=30).text
    form = {"csrf": served.csrf(browser), "reason": "a look"}
    browser.post(f"{served.url}/queues/{VIPS}/hold", form, timeout=30)
    text = said(browser.get(f"{served.url}/", timeout=30).text)
    assert "a look for" in text
    assert f"You held {VIPS}" in text


def test_the_page_has_every_part_that_its_script_looks_for_and_asks_for_itself_again(served: Console) -> None:
    shown = page(served)
    script = requests.get(f"{served.url}/static/live.js", timeout=30).text
    named = re.findall(r'getElementById\("([\w-]+)"\)', script)
    assert set(named) == {"live", "stale", "as-of"}
    for part in named:
        assert shown.count(f'id="{part}"') == 1
    live = re.search(r'<div id="live"[^>]*>', shown)
    assert live is not None
    assert 'hx-get="/" hx-trigger="every 2s, look" hx-select="#live"' in live[0]
    assert shown.index('id="stale"') < live.start() < shown.index('id="as-of"'), "what is said of it stays outside"


def test_that_the_ledger_went_back_in_time_stands_there_until_somebody_acknowledges_it(
    redis: Redis, served: Console, processes: None
) -> None:
    fall = {"noticed": 1_800_000_300_000, "as_of": 1_800_000_000_000, "until": 1_800_000_200_000, "missing": 3}
    redis.hset(keys.ROLLED_BACK, mapping={name: str(value) for name, value in fall.items()})
    text = said(page(served))
    assert "The ledger went back in time: it is in its state of 2027-01-15T08:00:00.000Z." in text
    assert "ferry doctor --acknowledge" in text
    rollback.acknowledge(redis)
    until(lambda: "went back in time" not in said(page(served)), "the next census is shown")
