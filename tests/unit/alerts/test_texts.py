"""What people read."""

from __future__ import annotations

import pytest

from alerts import mail, news
from alerts.news import WRITTEN_OUT, News
from alerts.posting import escaped
from configuration.alerts import Mail
from queues.alerts import Raised
from tests.support.alerts import alert, over

BEGUN = Raised(alert(), 0)


def test_an_alert_is_a_sentence_of_what_is_wrong_and_one_of_what_to_do() -> None:
    assert news.full_text(News(0, (BEGUN,))) == "default is held: list_gone.\nRestore the list."


def test_its_end_says_how_long_it_lasted() -> None:
    assert news.full_text(News(0, (over(192),))) == "over: default is held: list_gone, after 3\u00a0h\u00a012\u00a0min."


def test_the_address_of_the_page_comes_last() -> None:
    assert news.full_text(News(0, (BEGUN,), "https://ferry.example.com")).endswith("\n\nhttps://ferry.example.com")


@pytest.mark.parametrize(("more", "said"), [(0, ""), (1, "And 1 more: `ferry alerts` lists all raised alerts.")])
def test_of_very_many_some_are_written_out(more: int, said: str) -> None:
    body = news.full_text(News(0, (BEGUN,) * (WRITTEN_OUT + more)))
    assert body.count("default is held") == WRITTEN_OUT
    assert body.partition("And ")[1:] == (("And ", said.removeprefix("And ")) if said else ("", ""))


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        ((BEGUN,), "default is held: list_gone"),
        ((over(1),), "over: default is held: list_gone, after 1\u00a0min"),
        ((BEGUN, BEGUN), "2 alerts"),
        ((BEGUN, over(1)), "1 alert, 1 over"),
        ((over(1), over(1)), "2 over"),
    ],
)
def test_the_headline_says_what_it_is_or_how_many(alerts: tuple[Raised, ...], said: str) -> None:
    assert news.headline(News(0, alerts)) == said


def test_an_audiences_name_calls_nobody_in_slack() -> None:
    assert escaped("<!channel> & <https://x|y>") == "&lt;!channel&gt; &amp; &lt;https://x|y&gt;"


def test_a_letter_says_that_no_answer_is_wanted() -> None:
    made = mail.letter(Mail(("a@example.com", "b@example.com"), "ferry@example.com", ""), News(0, (BEGUN,)))
    assert (made["Subject"], made["To"]) == ("Ferry: default is held: list_gone", "a@example.com, b@example.com")
    assert made["Message-ID"].endswith("@example.com>")
    assert made["Auto-Submitted"] == "auto-generated"
    assert made.get_content() == "default is held: list_gone.\nRestore the list.\n"
