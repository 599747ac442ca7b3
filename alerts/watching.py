"""Judges alerts periodically in a separate thread of a process, which nothing waits for.

One judging reads the facts, applies the rules, notifies the channels that do not know yet, and records that.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from alerts import news, rules
from alerts.facts import look
from alerts.news import WRITTEN_OUT, ChannelFailed, News
from configuration.alerts import Alerting
from configuration.queries import Query
from configuration.settings import Settings
from queues import alerts
from queues.alerts import Raised
from queues.errors import NotOurs
from queues.server import installation
from queues.server.connection import connect
from text.wording import plural

log = logging.getLogger(__name__)
#: Seconds that the end of the process waits for a judging under way.
END_S: Final = 0.5
#: Sends the news within about ten seconds. Raises ChannelFailed.
Tell = Callable[[News], None]
#: Seconds after the start beyond which no further channel is notified. With the ten that one takes, the judging must
#: end well within the minute, after which another process may judge and send the same.
LATEST_S: Final = 30.0


@contextmanager
def watching(settings: Settings, every_s: float) -> Iterator[None]:
    """Judge alerts while the block runs, if a channel is configured. `every_s`: seconds between two attempts.

    This is a thread and not a scheduler job because the web process needs it too: it reports a silent scheduler.
    """
    if settings.alerts is None:
        yield
        return
    stop = threading.Event()
    redis = connect(settings.redis_url)
    arguments = (redis, settings.installation, settings.alerts, settings.queries, every_s, stop)
    thread = threading.Thread(target=_watch, args=arguments, name="alerts", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(END_S)


def _watch(
    redis: Redis,
    name: str | None,
    alerting: Alerting,
    queries: Sequence[Query],
    every_s: float,
    stop: threading.Event,
) -> None:
    ours = prevented = False
    while not stop.is_set():
        try:
            if not ours:
                installation.claim(redis, name)
                ours = True
            if judge(redis, alerting, queries) and prevented:
                log.info("alerts are judged again")
                prevented = False
        except NotOurs:
            return  # the process itself notices that too, reports it, and ends
        except RedisError as fault:
            if not prevented:
                log.warning("Redis cannot be used (%s); alerts are not judged until it can", type(fault).__name__)
            prevented = True
        except Exception:
            # A defect of Ferry must not end the thread: the next judging may succeed.
            log.exception("alerts could not be judged; the next attempt is in a minute")
        stop.wait(every_s)


def judge(redis: Redis, alerting: Alerting, queries: Sequence[Query] = ()) -> bool:
    """Judge unless a process did within the minute; return whether it was done. Raises redis.RedisError.

    `queries`: the scheduled ones.
    """
    began = time.monotonic()
    if not alerts.my_turn(redis):
        return False
    facts = look(redis, queries)
    known = news.merged(alerts.raised(redis), rules.judged(facts, alerting.limits), facts.census.at)
    alerts.remember(redis, known)
    alerts.note_judging(redis, facts.census.at)
    channels = configured(alerting)
    for name, tell in channels.items():
        new = News(facts.census.at, news.untold(known, name), alerting.console_url)
        if new.alerts and time.monotonic() - began < LATEST_S and _notified(name, tell, new):
            known = news.known_to(known, name)
            alerts.remember(redis, known)
    alerts.forget(redis, news.done(known, channels))
    return True


def _notified(name: str, tell: Tell, new: News) -> bool:
    what = plural(len(new.alerts), "alert")
    try:
        tell(new)
    except ChannelFailed as fault:
        log.warning("%s could not be notified of %s (%s); the next attempt is in a minute", name, what, fault)
        return False
    ids = ", ".join(map(_named, new.alerts[:WRITTEN_OUT]))
    log.info("%s was notified of %s: %s%s", name, what, ids, ", ..." if len(new.alerts) > WRITTEN_OUT else "")
    return True


def _named(each: Raised) -> str:
    return each.alert.id if each.over is None else f"{each.alert.id} is over"


def configured(alerting: Alerting) -> dict[str, Tell]:
    """Return the configured channels by name."""
    # They load clients for HTTP and mail, which a scheduler without alerts does not need.
    from alerts import mail
    from alerts.posting import tell_slack, tell_webhook

    found: dict[str, Tell] = {}
    if alerting.slack:
        found["slack"] = partial(tell_slack, alerting.slack)
    if alerting.webhook:
        found["webhook"] = partial(tell_webhook, alerting.webhook)
    if alerting.mail:
        found["email"] = partial(mail.tell, alerting.mail)
    return found
