"""Dead letters in a browser: why they are there, one by one, and sent again as confirmed; people for admins alone."""

from __future__ import annotations

import re

import msgspec
import pytest
import requests
from msgspec import Raw
from redis import Redis

from console.auth.roles import Role
from ops.dead_letters.reasons import remedy
from queues import audit, batches, dead_letters, holds
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.census import count
from queues.change import Body, encode, person_key
from queues.clock import now_ms
from queues.history.settled import BatchOutcomes, ImportRows, Settled, columns, pack
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.settlement import Settlement, Undeliverable
from queues.snapshots import orders
from queues.snapshots.records import SnapshotOrder
from tests.support.console import Console
from tests.support.ops import LAPSED, VIPS, change, put, take
from tests.support.pages import buttons, press, said
from tests.support.people import names

ODD = Queue("default", "audience", "a/b %")


@pytest.fixture
def browser(served: Console) -> requests.Session:
    return served.browser(Role.OPERATOR)


def get(served: Console, browser: requests.Session, path: str) -> requests.Response:
    answer = browser.get(served.url + path, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer


def refs(page: requests.Response) -> list[str]:
    """The boxes of the letters on a page."""
    return re.findall(r'name="letter" value="([^"]+)"', page.text)


def ids(redis: Redis, queue: Queue = VIPS) -> list[str]:
    return [letter.id for letter in dead_letters.read(redis, queue)]


def test_letters_stand_there_newest_first_with_what_each_reason_asks_for(
    letters: Redis, served: Console, browser: requests.Session
) -> None:
    page = get(served, browser, "/dead")
    text = said(page.text).replace("&#39;", "'")
    assert "5 letters by reason" in text
    for letters_of, reason in ((3, "no_email"), (2, "malformed")):
        told = remedy(reason)
        assert f"{letters_of} {told.cause} {reason} Fix in: {told.fix_in} Replay {letters_of} anyway…" in text
        assert f"What to do {told.what_to_do} Replay does not help:" in text
    assert "Queues VIPs 3 " in text
    assert re.search(r"Queues (VIPs 1 Lapsed 1|Lapsed 1 VIPs 1) ", text)
    newest_first = [f"{VIPS}/{each}" for each in reversed(ids(letters))]
    assert [ref for ref in refs(page) if ref.startswith(str(VIPS))] == newest_first
    assert len(refs(page)) == 5
    assert "field email" in text


def test_the_page_is_narrowed_by_queue_reason_and_age(
    letters: Redis, served: Console, browser: requests.Session
) -> None:
    assert len(refs(get(served, browser, "/dead?reason=no_email"))) == 3
    assert refs(get(served, browser, "/dead?queue=brand-b/audience/43")) == [f"{LAPSED}/{ids(letters, LAPSED)[0]}"]
    assert len(refs(get(served, browser, f"/dead?queue={VIPS}&reason=malformed"))) == 1
    for nothing in ("/dead?older=1d", "/dead?reason=x", "/dead?queue=default/audience/none", "/dead?queue=%00"):
        assert "No dead letters match the filter Choose" in said(get(served, browser, nothing).text), nothing
    for wrong in ("/dead?older=soon", "/dead?before=1-1"):
        assert browser.get(served.url + wrong, timeout=30).status_code == 400


def test_pages_follow_each_other_without_a_gap_or_a_letter_twice(
    redis: Redis, served: Console, browser: requests.Session
) -> None:
    for queue in (VIPS, ODD):
        dead = [DeadOnArrival(change(person), "malformed", "$") for person in names(70)]
        accept(redis, Acceptance(queue, FlushPolicy(), "", [], dead), now_ms())
    seen: list[str] = []
    page, more = get(served, browser, "/dead"), True
    while more:
        seen += refs(page)
        more = "Earlier letters" in page.text
        if more:
            (earlier,) = re.findall(r'href="([^"]+)">Earlier letters', page.text)
            page = get(served, browser, earlier.replace("&amp;", "&"))
    assert len(seen) == len(set(seen)) == 140
    assert "Newest letters" in page.text
    assert set(seen) == {f"{queue}/{each}" for queue in (VIPS, ODD) for each in ids(redis, queue)}


def test_who_may_only_look_sees_no_button_and_nobody_but_admins_a_person(letters: Redis, served: Console) -> None:
    viewer, admin = served.browser(Role.VIEWER), served.browser(Role.ADMIN)
    page = get(served, viewer, "/dead")
    path = f"/dead/{VIPS}/{ids(letters)[-1]}"
    assert f'href="{path}"' in page.text
    letter = get(served, viewer, path)
    assert (buttons(page.text), refs(page), buttons(letter.text)) == (["Apply"], [], [])
    assert "Only admins see the person" in letter.text
    for shy in (page, letter, get(served, served.browser(Role.OPERATOR), path)):
        assert "@" not in shy.text
    whole = get(served, admin, path).text
    assert "&#34;email&#34;: &#34;ann@example.com&#34;" in whole
    assert "ann@example.com is wrong" in whole
    (looked,) = [entry for entry in audit.read(letters, 50) if entry.what == "persons read"]
    assert (looked.who, looked.on, looked.counts) == ("web:admin", str(VIPS), {"letters": 1})


def test_a_letter_tells_what_was_to_be_done_and_in_which_batch_it_died(
    redis: Redis, served: Console, browser: requests.Session
) -> None:
    put(redis, *names(100))
    batch = batches.reclaim(redis, take(redis) or "", now_ms(), 60_000)
    assert batch is not None
    at = now_ms()
    ends = BatchOutcomes((ImportRows("job-1", (0, 1, 2), 3),), {}, {1: "blocked"})
    told = Settled(batch.id, "size", at - 90_000, at, 2, ends, columns(batch.changes, at - 90_000))
    dead = [Undeliverable(1, "blocked", {"job": "job-1", "detail": "p1@example.com is blocked"})]
    batches.settle(redis, batch, Settlement(0, dead, history=pack(told)), at)
    text = said(get(served, browser, f"/dead/{VIPS}/{ids(redis)[0]}").text)
    for words in (
        "blocked : Klaviyo's own code",
        "Queue VIPs default/audience/42 Action add",
        "source changes Message m-1 Accepted 20",
        "Where job job-1",
        f"taken with 99 others into batch {batch.id}, because enough changes were pending (size)",
        "became a dead letter: blocked, row 2 of 3 rows, of which 3 failed in import job job-1",
    ):
        assert words in text.replace("&#39;", "'"), words


def test_a_letter_of_any_queue_has_an_address_and_one_that_is_gone_says_so(
    redis: Redis, served: Console, browser: requests.Session
) -> None:
    put(redis, dead="ann@example.com", queue=ODD, name="Odd")
    (page,) = re.findall(r'href="(/dead/default[^"]+)"', get(served, browser, "/dead").text)
    assert "a%2Fb%20%25" in page
    assert "Action add" in said(get(served, browser, page).text)
    for gone in (f"/dead/{ODD}/1-1", f"/dead/{ODD}/x", f"/dead/{VIPS}/1-1", "/dead/a//b/1-1"):
        answer = browser.get(served.url + gone, timeout=30)
        assert (answer.status_code, "Nothing was ever" in answer.text or "No such" in answer.text) == (404, True), gone


def test_a_snapshot_that_died_is_named_in_its_letter(redis: Redis, served: Console, browser: requests.Session) -> None:
    queue = orders.queue_of("default", "42")
    order = msgspec.json.encode(SnapshotOrder(snapshot="07-ab", at=now_ms(), format="csv"))
    stored = encode((person_key("snapshot", "07-ab"),), now_ms(), Body("replace", now_ms(), "sync", "", Raw(order)))
    dead = DeadOnArrival(stored, "snapshot_unreadable", "$")
    accept(redis, Acceptance(queue, FlushPolicy(), "", [], [dead]), now_ms())
    text = said(get(served, browser, f"/dead/{queue}/{ids(redis, queue)[0]}").text)
    assert "Action replace, by snapshot 07-ab" in text
    assert "Message without an id" in text


def test_what_a_filter_or_a_reason_holds_cannot_become_markup(
    redis: Redis, served: Console, browser: requests.Session
) -> None:
    dead = [DeadOnArrival(change("ann@example.com"), reason, "$") for reason in ("<img src=x>", "")]
    accept(redis, Acceptance(VIPS, FlushPolicy(), "", [], dead), now_ms())
    page = get(served, browser, "/dead")
    assert "1 Klaviyo's own code; the letter contains its message no code" in said(page.text).replace("&#39;", "'")
    both = page.text + get(served, browser, '/dead?reason="><img src=x>&older=3d').text
    assert "&lt;img src=x&gt;" in both
    assert "<img" not in both


def test_what_is_ticked_is_confirmed_and_put_back(letters: Redis, served: Console, browser: requests.Session) -> None:
    page = get(served, browser, f"/dead?queue={VIPS}")
    asked = press(browser, page, "Replay selected", letter=refs(page)[1:3])
    assert "VIPs default/audience/42 2 2 no_email no other pending changes; sent at once if accepted over 16" in said(
        asked.text
    )
    assert len(ids(letters)) == 4, "a page that asks does nothing"
    after = press(browser, asked, "Replay 2 dead letters")
    assert after.url == f"{served.url}/dead?queue=default%2Faudience%2F42"
    assert "You replayed 2 dead letters within the last minute." in said(after.text)
    assert f'<a href="/queues/{VIPS}">' in after.text
    assert len(refs(after)) == 2
    (vips,) = count(letters, [VIPS])
    assert (vips.waiting.pending, vips.kept, vips.missing) == (2, 2, 0)
    (entry,) = [each for each in audit.read(letters, 9) if each.what == "replay"]
    assert (entry.who, entry.on, entry.counts) == ("web:operator", str(VIPS), {"replayed": 2, "stayed": 0})


def test_all_that_fit_the_filter_are_put_back_and_no_others(
    letters: Redis, served: Console, browser: requests.Session
) -> None:
    holds.place(letters, "brand-b", Hold("unauthenticated", now_ms()))
    page = get(served, browser, "/dead?reason=malformed")
    asked = press(browser, page, "Replay all 2 that match…")
    text = said(asked.text)
    assert "Lapsed brand-b/audience/43 1 1 malformed no other pending changes; held (unauthenticated)" in text
    after = press(browser, asked, "Replay 2 dead letters")
    assert "No dead letters match the filter Choose" in said(after.text)
    vips, lapsed = count(letters, [VIPS, LAPSED])
    assert (vips.kept, lapsed.kept, vips.waiting.pending, lapsed.waiting.pending) == (3, 0, 1, 1)


def test_a_letter_that_dies_after_the_question_is_not_replayed(
    letters: Redis, served: Console, browser: requests.Session
) -> None:
    asked = press(browser, get(served, browser, "/dead"), "Replay all 5…")
    put(letters, dead="late@example.com")
    after = press(browser, asked, "Replay 5 dead letters")
    assert "You replayed 5 dead letters" in said(after.text)
    assert len(refs(after)) == 1


def test_where_the_number_is_another_meanwhile_it_is_said_and_asked_again(
    letters: Redis, served: Console, browser: requests.Session
) -> None:
    page = get(served, browser, f"/dead?queue={VIPS}&reason=no_email")
    both = press(browser, page, "Replay all 3 that match…"), press(browser, page, "Replay selected", letter=refs(page))
    dead_letters.purge(letters, VIPS, ids(letters)[:1])
    for asked in both:
        again = press(browser, asked, "Replay 3 dead letters")
        assert again.status_code == 409
        assert "The number of letters has changed from 3 to 2: some were replayed, purged or overtaken" in said(
            again.text
        )
        assert len(ids(letters)) == 3, "nothing was done"
    assert "1 selected letter is gone" in said(again.text)
    assert "You replayed 2 dead letters" in said(press(browser, again, "Replay 2 dead letters").text)


def test_the_letter_of_a_person_under_way_says_why_it_stays(
    letters: Redis, served: Console, browser: requests.Session
) -> None:
    put(letters, *names(100))
    assert take(letters) is not None
    letter = get(served, browser, f"/dead/{VIPS}/{ids(letters)[0]}")
    assert "A delivery of the same person is in progress: a replay now would leave this letter here." in said(
        letter.text
    )
    asked = press(browser, letter, "Replay")
    assert "1 letter stays, because a delivery of the same person is in progress" in said(asked.text)
    after = press(browser, asked, "Replay 1 dead letter")
    assert after.url == f"{served.url}/dead"
    assert "You replayed 0 dead letters within the last minute; 1 letter stays, because a delivery" in said(after.text)
    assert len(ids(letters)) == 4


def test_nothing_is_replayed_unless_it_is_said_what(letters: Redis, served: Console, browser: requests.Session) -> None:
    for path in ("/dead/replay", "/dead/replay?letter=x"):
        assert browser.get(served.url + path, timeout=30).status_code == 400
    csrf = {"csrf": served.csrf(browser)}
    for form in ({}, {"letters": "x"}, {"confirmed": "5"}):
        assert browser.post(f"{served.url}/dead/replay", csrf | form, timeout=30).status_code == 400
    unconfirmed = browser.post(f"{served.url}/dead/replay", csrf | {"until": str(now_ms() + 1)}, timeout=30)
    assert unconfirmed.status_code == 409
    assert len(ids(letters)) == 4


def test_nothing_is_there_to_be_replayed_when_all_is_gone(
    redis: Redis, served: Console, browser: requests.Session
) -> None:
    assert "No dead letters Changes that" in said(get(served, browser, "/dead").text)
    assert "No dead letters: nothing to replay." in said(get(served, browser, "/dead/replay?all=yes").text)
