"""Senders that add and remove people at random, each message until it is accepted."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from random import Random

from queues.change import Action
from tests.support.model import Message, Model, address
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
        self._pause_s, self._over = pause_s, threading.Event()

    def end(self) -> None:
        """Send nothing new."""
        self._over.set()

    def run(self) -> None:
        """Send until told to end."""
        while not self._over.wait(self._random.uniform(0, 2 * self._pause_s)):
            changes = self._random.randint(1, 6)
            sent = Message(tuple(self._change() for _ in range(changes)))
            self._sender.post_until_accepted(sent, 60)
            self._model.accept(sent)

    def _change(self) -> tuple[str, Action, str]:
        action: Action = "remove" if self._random.random() < 0.4 else "add"
        return self._random.choice(self._audiences), action, address(self._random.choice(self._people))
