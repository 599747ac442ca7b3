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
from queues.rate_limits import RedisLimiter, fingerprint
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


def page(served: Console, role: Role = Role.VIEWER, path: str = "/") -> str:
    answer = served.browser(role).get(served.url + path, timeout=30)
    assert answer.status_code == 200
    return answer.text


def keep_key(redis: Redis, *connections: str) -> None:
    """Ferry keeps the key of one account for these connections."""
    for name in connections:
        assert accounts.add_key(redis, name, accounts.seal_key(Cipher((SECRET,)), KEY, now_ms(), None))


def test_what_was_delivered_stands_in_tile_chart_and_row_and_the_limits_with_the_connections(
    world: World, served: Console
) -> None:
    keep_key(world.redis, "default")
    world.change("add", "ann@example.com", "ben@example.com", {"email": "no address"})
    world.deliver()
    text = said(page(served))
    assert "Delivered 24 h 2 2 in total" in text
    assert "Delivered 2 Rejected 1" in text
    assert re.search("Idle VIPs .* \u2013 \u2013 0 2 1 dead", text)
    assert "1 dead letter in VIPs" in text
    assert "default create_list 1 of 135 within a day" in said(page(served, path="/connections"))


def test_what_klaviyo_does_not_let_through_is_said_with_why_until_it_does(world: World, served: Console) -> None:
    keep_key(world.redis, "default")
    world.change("add", "ann@example.com")
    world.fault("500", "/api/profile-bulk-import-jobs", times=1)
    batch_id = world.deliver(rings=1)
    text = said(page(served))
    assert "Klaviyo answers 500; 1 batch of VIPs retries" in text
    assert "Ferry retries automatically, and nothing is lost" in text
    assert re.search(r"Failing VIPs .* retry (now|in \d+ s)", text)
    assert "retry after http_500" in said(page(served, path=f"/queues/{VIPS}"))
    world.ring(batch_id)
    (opened,) = take_census(world.redis).queues[0].batches
    assert (opened.stage, opened.trouble) == ("confirm", "")


def test_where_nothing_was_uploaded_and_nothing_asked_that_is_said(served: Console, redis: Redis) -> None:
    put(redis, "ann@example.com")
    assert "Delivered 0 Rejected 0" in said(page(served))
    assert "No requests to Klaviyo in the last minute." in said(page(served, path="/connections"))
    assert "No uploads in the last 30 days." in said(page(served, path=f"/queues/{VIPS}"))


def test_an_account_that_connections_share_has_its_limits_once_with_what_is_paused(
    served: Console, redis: Redis
) -> None:
    keep_key(redis, "brand-c", "brand-d")
    limiter = RedisLimiter(redis, fingerprint(KEY), PUBLISHED)
    limiter.acquire("create_list")
    limiter.pause("bulk_import_profiles", 600)
    before = set(redis.scan_iter("ferry:limits*"))
    text = said(page(served, path="/connections"))
    assert text.count("brand-c, brand-d create_list 1 of 135 within a day") == 1
    assert re.search(r"brand-c, brand-d bulk_import_profiles (0 of 135 within a minute )+for \d+\s+min", text)
    assert set(redis.scan_iter("ferry:limits*")) <= before, "nothing is taken by looking"


def test_it_says_when_what_waits_will_be_in_klaviyo(served: Console, redis: Redis, processes: None) -> None:
    put(redis, *names(30))
    put(redis, *names(150), queue=Queue("default", "audience", "43"), name="Lapsed")
    text = said(page(served, path=f"/queues/{VIPS}"))
    assert re.search(r"In Klaviyo about (\d+ \w+ )?\d\d:\d\d UTC", text)
    text = said(page(served, path="/queues/default/audience/43"))
    assert re.search(r"100 of 150 in Klaviyo about (\d+ \w+ )?\d\d:\d\d UTC", text)


def test_nothing_is_promised_while_it_is_held(served: Console, redis: Redis, processes: None) -> None:
    put(redis, *names(30))
    holds.place(redis, VIPS, Hold("list_gone", now_ms(), "Restore the list."))
    assert "Klaviyo about" not in said(page(served, path=f"/queues/{VIPS}"))
    assert "The Klaviyo list of VIPs does not exist (list_gone)" in said(page(served))


def test_a_connection_stands_there_with_its_key_or_what_to_do_for_one(served: Console, redis: Redis) -> None:
    keep_key(redis, "brand-c")
    put(redis, "a@example.com", queue=LAPSED, name="Lapsed")
    text = said(page(served, path="/connections"))
    assert "Active brand-c its key is stored by Ferry 0 0" in text
    assert "No key default no key: ferry connections add default 0 0" in text
    assert "No key brand-b no longer configured, but it has queues: ferry connections add brand-b 1 1" in text
    assert re.search(r"Ferry uses revision \d{4}-\d\d-\d\d of Klaviyo's API", text)
    assert KEY not in text


def test_connections_and_holds_without_end_are_counted_and_the_first_shown(served: Console, redis: Redis) -> None:
    for account in range(203):
        holds.place(redis, f"mparticle-{account}", Hold("no_api_key", now_ms()))
    put(redis, "ann@example.com")
    shown = page(served, path="/connections")
    assert (shown.count('id="connection-mparticle-'), "1\u201325 of 200 connections" in said(shown)) == (25, True)
    assert "And 4 other connections: ferry connections list shows all." in said(shown)
    assert "There is no key for 203 connections (no_api_key)" in said(page(served)), "one line for one cause"
    held = served.browser(Role.VIEWER).get(f"{served.url}/holds", timeout=30).text
    assert "There is no key for 203 connections (no_api_key) 203 connections held" in said(held)
    assert (held.count("no_api_key</strong>, held since"), "1\u201325 of 203 holds" in said(held)) == (25, True)


def test_whoever_may_act_finds_what_to_press_beside_each_row_and_nobody_else(served: Console, redis: Redis) -> None:
    odd = Queue("default", "audience", "a/b c")
    put(redis, "a@example.com", queue=odd, name="Odd")
    holds.place(redis, odd, Hold("list_gone", now_ms()))
    place = "/queues/default/audience/a%2Fb%20c"
    shown = page(served, Role.OPERATOR)
    for path in (f"{place}/release", "/flush"):
        assert f'href="{path}?next=/"' in shown, "and comes back from there"
    assert 'href="/connections/default/hold?next=/connections"' in page(served, Role.OPERATOR, "/connections")
    assert f'<a href="{place}" title="Odd">Odd</a>' in page(served), "everybody comes to its page"
    assert not re.search(r'href="[^"]*/(release|flush|hold)\b', page(served) + page(served, path="/connections"))


def test_the_next_look_tells_what_happened_since(served: Console, redis: Redis) -> None:
    browser = served.browser(Role.OPERATOR)
    put(redis, "ann@example.com")
    assert "1 / 100" in browser.get(f"{served.url}/", timeout=30).text
    form = {"csrf": served.csrf(browser), "reason": "a look"}
    browser.post(f"{served.url}/queues/{VIPS}/hold", form, timeout=30)
    text = said(browser.get(f"{served.url}/", timeout=30).text)
    assert "VIPs is held (a look)" in text
    assert f"You held {VIPS}" in text


def test_the_page_has_every_part_that_its_script_looks_for_and_asks_for_itself_again(served: Console) -> None:
    shown = page(served)
    script = requests.get(f"{served.url}/static/live.js", timeout=30).text
    named = re.findall(r'getElementById\("([\w-]+)"\)', script)
    assert set(named) == {"live", "stale", "as-of"}
    times = requests.get(f"{served.url}/static/times.js", timeout=30).text
    named += re.findall(r'getElementById\("([\w-]+)"\)', times)
    for part in set(named):
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


def test_the_address_of_the_table_holds_filter_order_and_page(served: Console, redis: Redis) -> None:
    for number in range(60):
        queue = Queue("default", "audience", f"{number:02}")
        put(redis, *names(number % 7 + 1), queue=queue, name=f"Audience {number:02}")
    holds.place(redis, Queue("default", "audience", "07"), Hold("list_gone", now_ms(), "Restore the list."))
    assert "1\u201325 of 60 queues" in said(page(served))
    assert "51\u201360 of 60 queues" in said(page(served, path="/?sort=name&page=3"))
    text = said(page(served, path="/?q=audience+0&sort=pending"))
    assert "1\u201310 of 10 queues" in text
    assert text.index("Audience 06") < text.index("Audience 00")
    held = page(served, path="/?state=held")
    assert "1\u20131 of 1 queue" in said(held)
    assert 'aria-sort="ascending"' in held
    assert "No queue matches" in said(page(served, path="/?q=none-of-that-name"))


def test_150_queues_that_one_key_blocks_are_one_cause_and_one_row(served: Console, redis: Redis) -> None:
    for number in range(150):
        put(redis, "ann@example.com", queue=Queue("brand-b", "audience", str(number)), name=f"B {number}")
    put(redis, "ann@example.com")
    holds.place(redis, "brand-b", Hold("unauthenticated", now_ms(), "Give it a key.", probed=True))
    shown = page(served)
    assert said(shown).count("Klaviyo refuses the key of brand-b") == 2, "the cause, and the name of its button"
    assert "150 queues, 150 changes wait" in said(shown)
    assert shown.count('<tr role="row" id=') == 2
    assert "150 blocked queues are folded" in said(shown)
