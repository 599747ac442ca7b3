"""An alert about what a hostile sender named steers neither a mail reader, nor Slack, nor whoever shows a webhook."""

from __future__ import annotations

import json

from alerts import mail, news
from alerts.news import News
from alerts.posting import webhook_document
from configuration.alerts import Mail
from queues.alerts import Alert, Raised
from tests.support.hostile import HOSTILE, SHOWN, STEERS

RAISED = Raised(Alert("holds/x/1", "holds", "default", f"{HOSTILE} is held: {HOSTILE}", f"Correct {HOSTILE}."), 0)


def test_what_people_are_told_is_written_out() -> None:
    for alerts in ((RAISED,), (RAISED, RAISED)):
        told = news.full_text(News(0, alerts))
        assert SHOWN in told
        assert not STEERS.search(told)
        assert "\n2026 OK forged" not in told
    assert not STEERS.search(news.headline(News(0, (RAISED,))))


def test_a_letter_has_one_subject_and_nothing_hidden() -> None:
    server = Mail(("ops@example.com",), "ferry@example.com", "smtp://mail.example.com")
    letter = mail.letter(server, News(0, (RAISED,)))
    assert SHOWN in letter["Subject"]
    assert not STEERS.search(letter["Subject"])
    assert not STEERS.search(letter.get_content())


def test_a_webhook_carries_the_words_that_people_are_told() -> None:
    (told,) = json.loads(json.dumps(webhook_document(News(0, (RAISED,)))))["alerts"]
    assert SHOWN in told["text"]
    assert not any(STEERS.search(value) for value in told.values() if isinstance(value, str))
