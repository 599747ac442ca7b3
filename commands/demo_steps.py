"""The steps of `ferry demo`, run against a running group.

It posts mParticle messages about people who do not exist.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import requests
from redis import Redis
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from commands.flush import tell, wait_for
from commands.status_view import view
from local.group import emulator_url
from local.running import Running
from ops import actions
from ops.dead_letters.selecting import LetterQuery, find
from ops.dead_letters.view import listing, summary
from ops.errors import Failed
from ops.ledger import by
from ops.status_rows import RowChoice
from queues.census import Census, take_census

#: Name -> mParticle's id of the audience, and how many people join it: 250 changes, 100 + 30 and 100 + 20.
AUDIENCES = {"VIP customers": (101, 130), "Lapsed customers": (102, 120)}
#: The people who leave the first audience later: half of them uploaded by then, half still pending.
LEAVERS = range(95, 105)
_PER_MESSAGE = 13

Message = dict[str, Any]


def joining() -> list[Message]:
    """Return messages of 13 people each, most of whom join both audiences."""
    people = range(max(number for _, number in AUDIENCES.values()))
    return [
        _message(_profile(i, {name: "add" for name, (_, number) in AUDIENCES.items() if i < number}) for i in part)
        for part in _parts(people)
    ]


def leaving() -> Message:
    """Return a message in which ten people leave the first audience, and one without an e-mail address joins it."""
    first = next(iter(AUDIENCES))
    nameless = _profile(999, {first: "add"})
    nameless["user_identities"] = [{"type": "customer", "encoding": "raw", "value": "c-999"}]
    return _message([*(_profile(i, {first: "delete"}) for i in LEAVERS), nameless])


def expected(name: str) -> set[str]:
    """Return the people who must be on the list of an audience at the end."""
    first = next(iter(AUDIENCES))
    gone = {_email(i) for i in LEAVERS} if name == first else set()
    return {_email(i) for i in range(AUDIENCES[name][1])} - gone


def _parts(people: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(people), _PER_MESSAGE):
        yield people[start : start + _PER_MESSAGE]


def _message(profiles: Iterator[Message] | Sequence[Message]) -> Message:
    return {
        "type": "audience_membership_change_request",
        "id": str(uuid.uuid4()),
        "timestamp_ms": int(time.time() * 1000),
        "firehose_version": "3.2.0",
        "account": {"account_id": 1001, "account_settings": {}},
        "user_profiles": list(profiles),
    }


def _profile(i: int, actions: Mapping[str, str]) -> Message:
    return {
        "mpid": str(5_000_000_000 + i),
        "user_identities": [{"type": "email", "encoding": "raw", "value": _email(i)}],
        "audiences": [_membership(name, action, i) for name, action in actions.items()],
    }


def _membership(name: str, action: str, i: int) -> Message:
    membership: Message = {"audience_id": AUDIENCES[name][0], "audience_name": name, "action": action}
    if action == "add":
        membership["user_attributes"] = [
            {"key": "$firstname", "value": f"Person {i}", "action": "upsert"},
            {"key": "plan", "value": "gold" if i % 2 else "silver", "action": "upsert"},
        ]
    return membership


def _email(i: int) -> str:
    return f"person{i}@example.com"


_PATIENCE_S = 60.0
_UPLOADS = "/api/profile-bulk-import-jobs"


class Demo:
    """Runs the steps, prints each on `out`, and raises Failed when a result is not as expected."""

    def __init__(self, group: Running, redis: Redis, http: requests.Session, out: Console) -> None:
        self._web = f"http://{group.group.host}:{group.group.port}/v1/mparticle"
        self._klaviyo = emulator_url(group.group.emulator_port or 0)
        self._token = group.settings.tokens[0].value
        self._redis = redis
        self._http = http
        self._out = out

    def upload_what_is_full(self) -> None:
        """Post 250 changes: two uploads of 100 go out, 30 and 20 changes stay pending."""
        messages = joining()
        self._tell(f"A CDP posts 250 changes for two audiences, in {len(messages)} messages of several people each.")
        self._post(messages)
        self._tell("Each queue is sent at 100 pending changes. Two uploads go to Klaviyo and are confirmed there:")
        self._until_delivered(200)
        uploads = self._uploads()
        if uploads != [100, 100]:
            raise Failed(f"expected two uploads of 100 people, found {uploads}")
        self._tell("The rest is pending until its queue has 100 changes or 16 hours pass. This is `ferry status`:")
        self._out.print(view(take_census(self._redis), RowChoice()))

    def flush_the_rest(self) -> None:
        """Post people who leave and one who cannot be delivered, then flush."""
        self._tell("Ten people leave the first audience, and somebody without an e-mail address joins it.")
        self._post([leaving()])
        self._tell("An operator sends the pending changes now: `ferry flush --all --wait`")
        census = take_census(self._redis)
        asked = actions.flush(self._redis, by(), [found.queue for found in census.queues])
        for request in asked.flushes:
            tell(request, census)
        wait_for(partial(take_census, self._redis), asked.flushes, _PATIENCE_S)
        self._out.print(view(take_census(self._redis), RowChoice()))

    def show_the_dead_letter(self) -> None:
        """Show the change that cannot be delivered, with the reason."""
        self._tell("A change that cannot be delivered is kept with the reason. This is `ferry dead list`:")
        found = [summary(letter, count.name) for count, letter in find(self._redis, LetterQuery())]
        self._out.print(listing(found, take_census(self._redis).at))
        if [letter.reason for letter in found] != ["no_email"]:
            raise Failed("expected exactly one dead letter, for no_email")

    def compare(self) -> None:
        """Compare Klaviyo's lists with what was posted. Raises Failed with the difference."""
        self._tell("Klaviyo's lists compared with the posted changes:")
        differences = []
        for name in AUDIENCES:
            there, posted = self._members(name), expected(name)
            self._out.print(f"  {name}: {len(there)} people on the list, {len(posted)} expected")
            differences += [f"  {name}: {person} is missing" for person in sorted(posted - there)]
            differences += [f"  {name}: {person} should not be there" for person in sorted(there - posted)]
        if differences:
            raise Failed("Klaviyo's lists differ from the posted changes:\n" + "\n".join(differences))
        self._out.print("  No difference.", style="bold green")

    def _tell(self, text: str) -> None:
        self._out.print(f"\n{text}", style="bold")

    def _post(self, messages: Sequence[Message]) -> None:
        for message in messages:
            headers = {"Authorization": f"Token {self._token}"}
            answer = self._http.post(self._web, json=message, headers=headers, timeout=10)
            if answer.status_code != 202:
                raise Failed(f"the intake answered {answer.status_code}: {answer.text[:500]}")

    def _until_delivered(self, wanted: int) -> None:
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=self._out) as progress:
            task = progress.add_task("delivered", total=wanted)
            self._until(lambda census: _show(progress, task, census) >= wanted)

    def _until(self, done: Callable[[Census], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not done(take_census(self._redis)):
            if time.monotonic() > deadline:
                raise Failed(f"not done within {_PATIENCE_S:g} s; run it again with FERRY_LOG_LEVEL=INFO to see why")
            time.sleep(0.1)

    def _uploads(self) -> list[int]:
        journal = self._http.get(f"{self._klaviyo}/_emulator/requests", timeout=10).json()
        made = [entry for entry in journal if entry["method"] == "POST" and entry["path"] == _UPLOADS]
        return [len(entry["body"]["data"]["attributes"]["profiles"]["data"]) for entry in made]

    def _members(self, name: str) -> set[str]:
        answer = self._http.get(f"{self._klaviyo}/_emulator/lists/{name}/members", timeout=10)
        return set(answer.json()["members"]) if answer.status_code == 200 else set()


def _show(progress: Progress, task: TaskID, census: Census) -> int:
    delivered = sum(count.delivered for count in census.queues)
    progress.update(task, completed=delivered)
    return delivered
