"""Segment's own Klaviyo destination beside Ferry: the same messages, mapped alike, to the same Klaviyo."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from emulator.world import World as Account
from mappings.segment.settings import _over
from mappings.segment.templates import TEMPLATES
from tests.support.clients import script
from tests.support.emulated import serving
from tests.support.emulator_api import Api
from tests.support.segment_cases import messages
from tests.support.segment_effects import effect, in_any_order, people, prepare

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Destination:
    """Segment's code, running, and the account that it delivers to: `account` from within, `api` from outside."""

    def __init__(self, account: Account, api: Api, process: subprocess.Popen[str]) -> None:
        self.account, self._api, self._process = account, api, process
        self._rejected = 0

    def defaults(self) -> dict[str, dict[str, Any]]:
        """Ferry's name of each action -> Segment's default mapping of its fields, but for those about batches."""
        found = self.send("defaults")
        return {
            name: {field: raw for field, raw in found[_theirs(name)].items() if "batch" not in field}
            for name in TEMPLATES
        }

    def send(self, line: Any) -> Any:
        """Segment's answer to a line, as tests/clients/segment_destination.js says."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def look(self, name: str, **query: str) -> Any:
        """What the emulator tells beside the API."""
        return self._api.call("GET", f"/_emulator/{name}", params=query).json()

    def reasons(self) -> Counter[str]:
        """How many messages Segment called undeliverable; it has no codes for the reasons."""
        return Counter(rejected=self._rejected)

    def effect_of(self, case: dict[str, Any]) -> dict[str, Any]:
        """What a case changes at Klaviyo, in an account whose lists ask nobody twice."""
        self.account.reset()
        self._api.control("account", {"opt_in_process": "single_opt_in"})
        prepare(self, case["effect"])
        before = people(self)
        self._rejected = sum(answer["status"] >= 400 for answer in self.send(order(case)))
        return comparable(effect(self, before))


@contextmanager
def segment_destination() -> Iterator[Destination]:
    """Segment's code, connected to an empty account."""
    account = Account(job_seconds=0, limits_off=True)
    with serving(account) as url, Api(url) as api, script("segment_destination.js") as process:
        found = Destination(account, api, process)
        assert found.send(url) == "ready"
        yield found
        assert process.stdin
        process.stdin.close()
        process.wait(60)


def order(case: dict[str, Any]) -> dict[str, Any]:
    """A case for Segment's code: its messages, and the action set up as Ferry's is, but for Segment's user ids."""
    action = case["action"]
    template = TEMPLATES[action["action"]]
    return {
        "action": _theirs(action["action"]),
        "subscribe": action.get("trigger", template.trigger),
        "mapping": _mapping(action, template.fields),
        "messages": messages(case),
    }


def _theirs(name: str) -> str:
    """Segment's name of an action."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def places(raw: Any) -> set[str]:
    """The paths and literals in a mapping, Ferry's or Segment's."""
    if isinstance(raw, dict):
        return set[str]().union(*(places(value) for value in raw.values()))
    return set() if raw is None else {str(raw)}


def _mapping(action: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    # Segment makes the user id an external id of people only where the settings say so.
    own = {"external_id": "$.userId" if action.get("user_id_as_external_id") else ""}
    given = (own if "external_id" in defaults else {}) | action.get("fields", {})
    mapping = {field: _mapped(raw) for field, raw in _over(action["action"], defaults, given).items()}
    return {**mapping, "list_id": _mapped(action["list_id"])} if "list_id" in action else mapping


def _mapped(raw: Any) -> Any:
    """A field of connections.toml as Segment's mappings write it."""
    if isinstance(raw, dict):
        return {name: _mapped(value) for name, value in raw.items()}
    return {"@path": raw} if isinstance(raw, str) and raw.startswith("$") else raw


def comparable(told: dict[str, Any]) -> dict[str, Any]:
    """An effect with the number of its rejections, and without what is new each time: random ids and the present."""
    shown = {name: value for name, value in told.items() if name != "rejected"}
    if "events" in shown:
        shown["events"] = [_repeatable(event) for event in shown["events"]]
    rejected = {"rejected": len(told["rejected"])} if told.get("rejected") else {}
    return {**in_any_order(shown), **rejected}


def _repeatable(event: dict[str, Any]) -> dict[str, Any]:
    unique_id = "random" if _UUID.fullmatch(event["unique_id"]) else event["unique_id"]
    late = datetime.now(UTC) - datetime.fromisoformat(event["time"]) < timedelta(days=1)
    return {**event, "unique_id": unique_id, "time": "of its delivery" if late else event["time"]}
