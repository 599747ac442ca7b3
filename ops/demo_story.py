"""The demo, told step by step against a running group."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import requests
from redis import Redis
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from ops import demo_messages
from ops.audited import by
from ops.demo_messages import AUDIENCES, Message
from ops.errors import Failed
from ops.flush import tell
from ops.flush_wait import wait_for
from ops.group import emulator_url
from ops.here import flush
from ops.letter_view import listing, summary
from ops.letters import Wanted, find
from ops.running import Running
from ops.status_view import view
from queues.census import Census, take_census

#: Seconds after which something that should take some is given up.
_PATIENCE_S = 60.0
_UPLOADS = "/api/profile-bulk-import-jobs"


class Story:
    """Tells on `out` what it does, and raises Failed where it does not come out as promised."""

    def __init__(self, group: Running, redis: Redis, http: requests.Session, out: Console) -> None:
        self._web = f"http://{group.group.host}:{group.group.port}/v1/mparticle"
        self._klaviyo = emulator_url(group.group.emulator_port or 0)
        self._token = group.settings.tokens[0].value
        self._redis = redis
        self._http = http
        self._out = out

    def upload_what_is_full(self) -> None:
        """250 changes come in; two uploads of 100 go out, 30 and 20 wait."""
        messages = demo_messages.joining()
        self._tell(f"A CDP posts 250 changes for two audiences, in {len(messages)} messages of several people each.")
        self._post(messages)
        self._tell("Each queue is sent when it holds 100. Two uploads go to Klaviyo and are confirmed there:")
        self._until_delivered(200)
        uploads = self._uploads()
        if uploads != [100, 100]:
            raise Failed(f"two uploads of 100 people should have been made, not {uploads}")
        self._tell("The rest waits for more, or for 16 hours to pass. This is `ferry status`:")
        self._out.print(view(take_census(self._redis)))

    def flush_the_rest(self) -> None:
        """People leave, somebody cannot be delivered, an operator flushes."""
        self._tell("Ten people leave the first audience, and somebody without an e-mail address joins it.")
        self._post([demo_messages.leaving()])
        self._tell("An operator sends what waits, without waiting for it to be full: `ferry flush --all --wait`")
        census = take_census(self._redis)
        asked = flush(self._redis, by(), census, [found.queue for found in census.queues])
        for errand in asked.errands:
            tell(errand, census)
        wait_for(partial(take_census, self._redis), asked.errands, _PATIENCE_S)
        self._out.print(view(take_census(self._redis)))

    def show_the_dead_letter(self) -> None:
        """Whom Klaviyo cannot know is kept, with the reason."""
        self._tell("Who cannot be delivered is kept with the reason. This is `ferry dead list`:")
        found = [summary(letter, count.name) for count, letter in find(self._redis, Wanted())]
        self._out.print(listing(found, take_census(self._redis).at))
        if [letter["reason"] for letter in found] != ["no_email"]:
            raise Failed("exactly one dead letter, for no_email, was to be expected")

    def compare(self) -> None:
        """Klaviyo's lists against what was posted. Raises Failed with the difference."""
        self._tell("Klaviyo's lists against what was posted:")
        differences = []
        for name in AUDIENCES:
            there, posted = self._members(name), demo_messages.expected(name)
            self._out.print(f"  {name}: {len(there)} people on the list, {len(posted)} were posted to be there")
            differences += [f"  {name}: {person} is missing" for person in sorted(posted - there)]
            differences += [f"  {name}: {person} should not be there" for person in sorted(there - posted)]
        if differences:
            raise Failed("Klaviyo's lists differ from what was posted:\n" + "\n".join(differences))
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
