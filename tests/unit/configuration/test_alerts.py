"""[alerts] in connections.toml: what it may say, and what a mistake in it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from configuration import settings
from configuration.alerts import Alerting, Limits, Mail, Webhook
from configuration.alerts_file import load
from configuration.errors import SettingsError
from configuration.tables import ConnectionsError

SLACK = "https://hooks.slack.com/services/T0/B0/secret-of-slack"
SMTP = "smtps://ferry:secret-of-smtp@mail.example.com:465"


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SLACK_WEBHOOK": SLACK, "SMTP_URL": SMTP, "ALERT_SECRET": "0123456789abcdef"}.items():
        monkeypatch.setenv(name, value)


def read(tmp_path: Path, text: str) -> Alerting | None:
    file = tmp_path / "connections.toml"
    file.write_text(text)
    return load(file)


def test_without_the_table_nobody_is_told_of_anything(tmp_path: Path) -> None:
    assert load(None) is None
    assert read(tmp_path, "[connections.default]\nflush_size = 50\n") is None


def test_one_channel_is_enough_for_every_rule(tmp_path: Path) -> None:
    found = read(tmp_path, '[alerts]\nslack_url_env = "SLACK_WEBHOOK"\n')
    assert found == Alerting(Limits(100, 5, 30, True, 2, 5, 80, 90), slack=SLACK)


def test_every_option_is_read(tmp_path: Path) -> None:
    text = """
        [alerts]
        dead_letters = 0
        dead_percent = 1
        oldest_over_minutes = 2
        holds = false
        scheduler_silent_minutes = 3
        no_worker_minutes = 4
        redis_memory_percent = 50
        revision_days = 60
        webhook_url = "https://ops.example.com/ferry"
        webhook_secret_env = "ALERT_SECRET"
        email_to = ["ops@example.com", "it@example.com"]
        email_from = "ferry@example.com"
        smtp_url_env = "SMTP_URL"
        console_url = "https://ferry.example.com"
    """
    assert read(tmp_path, text) == Alerting(
        Limits(0, 1, 2, False, 3, 4, 50, 60),
        None,
        Webhook("https://ops.example.com/ferry", "0123456789abcdef"),
        Mail(("ops@example.com", "it@example.com"), "ferry@example.com", SMTP),
        "https://ferry.example.com",
    )


WRONG = {
    "": "slack_url_env: missing, and so is every other channel: alerts would reach nobody. "
    'Example: slack_url_env = "SLACK_WEBHOOK"',
    'slack_url_env = "NOT_SET"': "slack_url_env: it names NOT_SET, which is not set; set it in the environment. "
    'Example: slack_url_env = "SLACK_WEBHOOK"',
    'slack_url_env = "SMTP_URL"': "slack_url_env: the value of SMTP_URL: it must be https://host/path, "
    'without a user. Example: slack_url_env = "SLACK_WEBHOOK"',
    'webhook_url = "https://a.example"': "webhook_secret_env: missing, and webhook_url needs it. "
    'Example: webhook_secret_env = "ALERT_SECRET"',
    'webhook_secret_env = "ALERT_SECRET"': "webhook_url: missing, and webhook_secret_env needs it. "
    'Example: webhook_url = "https://ops.example.com/ferry"',
    'webhook_url = "http://ops.example.com"\nwebhook_secret_env = "ALERT_SECRET"': "webhook_url: it must be https, or "
    'http on this machine. Example: webhook_url = "https://ops.example.com/ferry"',
    'webhook_url = "https://a.example"\nwebhook_secret_env = "SHORT"': "webhook_secret_env: the value of SHORT: "
    'a secret key must have at least 16 characters. Example: webhook_secret_env = "ALERT_SECRET"',
    'email_to = ["ops@example.com"]\nsmtp_url_env = "SMTP_URL"': "email_from: missing, and email_to needs it. "
    'Example: email_from = "ferry@example.com"',
    'email_to = ["ops"]\nemail_from = "f@example.com"\nsmtp_url_env = "SMTP_URL"': "email_to.0: Not a valid email "
    'address. Example: email_to = ["ops@example.com"]',
    'email_to = ["a@example.com"]\nemail_from = "f@example.com"\nsmtp_url_env = "SLACK_WEBHOOK"': "smtp_url_env: "
    "the value of SLACK_WEBHOOK: it must be smtp://user:password@host:587 (STARTTLS) or "
    'smtps://user:password@host:465. Example: smtp_url_env = "SMTP_URL"',
    "dead_percent = 101": "dead_percent: Must be greater than or equal to 0 and less than or equal to 100. "
    "Example: dead_percent = 5",
    "scheduler_silent_minutes = 0": "scheduler_silent_minutes: Must be greater than or equal to 1. "
    "Example: scheduler_silent_minutes = 2",
    'dead_letters = "many"': "dead_letters: Not a valid integer. Example: dead_letters = 100",
    "colour = 1": "colour: Unknown field.",
}


@pytest.mark.parametrize("table", WRONG)
def test_a_wrong_option_is_told_with_its_name_the_problem_and_an_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setenv("SHORT", "secret-too")
    with pytest.raises(ConnectionsError) as told:
        read(tmp_path, f"[alerts]\n{table}\n")
    assert WRONG[table] in str(told.value)
    assert str(told.value).startswith(f"{tmp_path / 'connections.toml'}: [alerts]: ")
    assert "secret-" not in str(told.value)


def test_a_process_does_not_start_with_a_wrong_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "connections.toml"
    file.write_text("alerts = 1\n")
    monkeypatch.setenv("FERRY_CONNECTIONS", str(file))
    with pytest.raises(SettingsError, match=r"\[alerts\]: Invalid input type"):
        settings.load()
    file.write_text('[alerts]\nslack_url_env = "SLACK_WEBHOOK"\n')
    known = settings.load()
    assert known.alerts is not None
    assert "secret-of-slack" not in repr(known)


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("smtp://mail.example.com", ""),
        ("smtp://me:a%2Fb@mail.example.com:2525", ""),
        ("smtps://mail.example.com/", ""),
        ("smtp://me@mail.example.com", "a user without a password"),
        ("smtp://me:a/b@mail.example.com", "%2F"),
        ("smtp://mail.example.com:port", "%2F"),
        ("mail.example.com:587", "it must be smtp://"),
        ("smtp://mail.example.com/inbox", "it must be smtp://"),
    ],
)
def test_a_mail_servers_address_is_understood_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, wrong: str
) -> None:
    monkeypatch.setenv("SMTP_URL", url)
    table = '[alerts]\nemail_to = ["a@example.com"]\nemail_from = "f@example.com"\nsmtp_url_env = "SMTP_URL"\n'
    if not wrong:
        found = read(tmp_path, table)
        assert found is not None
        assert found.mail == Mail(("a@example.com",), "f@example.com", url)
        return
    with pytest.raises(ConnectionsError, match=wrong):
        read(tmp_path, table)
