"""The configured channels by name, each with the function that sends to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from alerts import mail, slack, webhook
from alerts.news import News
from configuration.alerts import Alerting

#: Sends the news within about ten seconds. Raises ChannelFailed.
Tell = Callable[[News], None]


def configured(alerting: Alerting) -> dict[str, Tell]:
    """Return the configured channels by name."""
    found: dict[str, Tell] = {}
    if alerting.slack:
        found["slack"] = partial(slack.tell, alerting.slack)
    if alerting.webhook:
        found["webhook"] = partial(webhook.tell, alerting.webhook)
    if alerting.mail:
        found["email"] = partial(mail.tell, alerting.mail)
    return found
