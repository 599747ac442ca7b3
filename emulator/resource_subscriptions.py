"""/api/profile-subscription-bulk-create-jobs and -delete-jobs: subscribing and unsubscribing profiles."""

from __future__ import annotations

from typing import ClassVar

from falcon.asgi import Request, Response

from emulator import bulk, phones, subscription_rows
from emulator.errors import ApiError, Problem, invalid
from emulator.jsonapi import Json, data_of, send_nothing
from emulator.limits import L
from emulator.operations import Calls, Operation
from emulator.subscription_rows import Circumstances, Form
from emulator.work import Subscription, Unsubscription

MAX_SUBSCRIBED = 1_000
MAX_UNSUBSCRIBED = 100
SCOPES = ("lists:write", "profiles:write", "subscriptions:write")
SUBSCRIBE, UNSUBSCRIBE = "profile-subscription-bulk-create-job", "profile-subscription-bulk-delete-job"


class Subscriptions(Calls):
    """/api/profile-subscription-bulk-create-jobs."""

    operations: ClassVar = {"POST": Operation("bulk_subscribe_profiles", L, SCOPES)}

    async def on_post(self, req: Request, resp: Response) -> None:
        """Accept all rows or none, without a readable job."""
        data = data_of(req, SUBSCRIBE)
        people = bulk.rows_of(data, "profiles", MAX_SUBSCRIBED)
        attributes = data["attributes"]
        partial = [subscription_rows.drop_phone(row) for row in people]
        list_id = bulk.related(data, "list")
        now, historical = self.world.now(), attributes.get("historical_import") is True
        circumstances = Circumstances(now, historical, self.world.sms_regions)
        problems = _head_problems(attributes) + bulk.list_problems(self.world, list_id)
        _refuse_any(problems + _row_problems(people, subscription_rows.SUBSCRIBE, circumstances))
        source = attributes.get("custom_source")
        order = Subscription(created=now, rows=people, list_id=list_id, historical=historical, source=source)
        self.world.jobs.accept(order)
        self.world.catch_up()
        if any(partial):
            resp.set_header(*phones.PARTIAL_FAILURE)
        send_nothing(resp, 202)


class Unsubscriptions(Calls):
    """/api/profile-subscription-bulk-delete-jobs."""

    operations: ClassVar = {"POST": Operation("bulk_unsubscribe_profiles", L, SCOPES)}

    async def on_post(self, req: Request, resp: Response) -> None:
        """Accept all rows or none; the membership of the list is checked when they are carried out."""
        data = data_of(req, UNSUBSCRIBE)
        people = bulk.rows_of(data, "profiles", MAX_UNSUBSCRIBED)
        list_id = bulk.related(data, "list")
        circumstances = Circumstances(self.world.now(), False, self.world.sms_regions)
        problems = bulk.strangers(data["attributes"], frozenset({"profiles"}), UNSUBSCRIBE)
        problems += bulk.list_problems(self.world, list_id)
        _refuse_any(problems + _row_problems(people, subscription_rows.UNSUBSCRIBE, circumstances))
        self.world.jobs.accept(Unsubscription(created=circumstances.now, rows=people, list_id=list_id))
        self.world.catch_up()
        send_nothing(resp, 202)


def _head_problems(attributes: Json) -> list[Problem]:
    problems = bulk.strangers(attributes, frozenset({"profiles", "custom_source", "historical_import"}), SUBSCRIBE)
    if not isinstance(attributes.get("custom_source"), (str, type(None))):
        problems.append(invalid("Not a valid string.", "/data/attributes/custom_source"))
    if not isinstance(attributes.get("historical_import"), (bool, type(None))):
        problems.append(invalid("Must be a valid boolean.", "/data/attributes/historical_import"))
    return problems


def _row_problems(people: list[object], form: Form, circumstances: Circumstances) -> list[Problem]:
    found: list[Problem] = []
    for index, row in enumerate(people):
        found += subscription_rows.problems(row, f"{bulk.PROFILES}/{index}", form, circumstances)
    return found


def _refuse_any(problems: list[Problem]) -> None:
    if problems:
        raise ApiError(400, *problems)
