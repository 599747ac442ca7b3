"""One judging: look, decide what is wrong, tell who does not know yet, write down who was told."""

from __future__ import annotations

import logging
import time
from typing import Final

from redis import Redis

from alerting import Alerting
from alerts import news, rules
from alerts.channels import Tell, configured
from alerts.errors import Untold
from alerts.facts import look
from alerts.news import News
from alerts.texts import WRITTEN_OUT
from queues import alerts
from queues.alerts import Raised
from wording import plural

log = logging.getLogger(__name__)

#: Seconds after the beginning beyond which no channel is told any more: with the ten that one takes the judging must
#: end well within the minute, after which another process may judge and would tell the same.
LATEST_S: Final = 30.0


def judge(redis: Redis, alerting: Alerting) -> bool:
    """Judge, unless somebody did within the minute; whether it was done. Raises redis.RedisError."""
    began = time.monotonic()
    if not alerts.my_turn(redis):
        return False
    facts = look(redis)
    known = news.merged(alerts.raised(redis), rules.judged(facts, alerting.limits), facts.census.at)
    alerts.remember(redis, known)
    alerts.note_judging(redis, facts.census.at)
    channels = configured(alerting)
    for name, tell in channels.items():
        new = News(facts.census.at, news.untold(known, name), alerting.console_url)
        if new.alerts and time.monotonic() - began < LATEST_S and _was_told(name, tell, new):
            known = news.told(known, name)
            alerts.remember(redis, known)
    alerts.forget(redis, news.done(known, channels))
    return True


def _was_told(name: str, tell: Tell, new: News) -> bool:
    what = plural(len(new.alerts), "alert")
    try:
        tell(new)
    except Untold as fault:
        log.warning("%s could not be told of %s (%s); it is tried again in a minute", name, what, fault)
        return False
    ids = ", ".join(map(_named, new.alerts[:WRITTEN_OUT]))
    log.info("%s was told of %s: %s%s", name, what, ids, ", ..." if len(new.alerts) > WRITTEN_OUT else "")
    return True


def _named(each: Raised) -> str:
    return each.alert.id if each.over is None else f"{each.alert.id} is over"
