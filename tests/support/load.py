"""Senders that add and remove people at random, each message until it is accepted."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random

from queues.change import Action
from tests.support.model import Message, Model, address
from tests.support.waiting import until
from tests.support.web import Sender

AUDIENCES = ("1", "2", "3")


class Load(threading.Thread):
    """One sender. It alone speaks of its `people`, so that what it says of one of them has an order."""

    def __init__(
        self,
        sender: Sender,
        model: Model,
        people: range,
        random: Random,
        pause_s: float,
        audiences: Sequence[str] = AUDIENCES,
    ) -> None:
        super().__init__(daemon=True)
        self._audiences = audiences
        self._sender, self._model, self._people, self._random = sender, model, people, random
        self._pause_s, self._over, self._given_up = pause_s, threading.Event(), threading.Event()

    def end(self) -> None:
        """Send nothing new."""
        self._over.set()

    def give_up(self) -> None:
        """Do not even repeat what is being sent."""
        self._given_up.set()
        self.end()

    def run(self) -> None:
        """Send until told to end."""
        while not self._over.wait(self._random.uniform(0, 2 * self._pause_s)):
            changes = self._random.randint(1, 6)
            sent = Message(tuple(self._change() for _ in range(changes)))
            self._post(sent)
            if not self._given_up.is_set():
                self._model.accept(sent)

    def _post(self, sent: Message) -> None:
        def is_over() -> bool:
            return self._given_up.is_set() or self._sender.post(sent) == 202

        until(is_over, f"accepted, after {dict(self._sender.answers)}", 60)

    def _change(self) -> tuple[str, Action, str]:
        action: Action = "remove" if self._random.random() < 0.4 else "add"
        return self._random.choice(self._audiences), action, address(self._random.choice(self._people))


@contextmanager
def sending(loads: Sequence[Load]) -> Iterator[None]:
    """Send during the block; what is being sent at its end is still accepted.

    If the block fails, they give up: its servers end, and no later test may meet senders whose messages nobody accepts.
    """
    for load in loads:
        load.start()
    try:
        yield
    except BaseException:
        for load in loads:
            load.give_up()
        raise
    finally:
        for load in loads:
            load.end()
        for load in loads:
            load.join()
