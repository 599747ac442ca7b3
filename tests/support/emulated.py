"""Klaviyo's emulator with its world at hand, so that it can be taken back to what it was."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass

import uvicorn

from emulator.app import create_app
from emulator.jobs import Jobs
from emulator.line import LineProtocol
from emulator.lists import Lists
from emulator.profiles import Profiles
from emulator.server import KEEP_ALIVE_SECONDS
from emulator.world import World


@dataclass(frozen=True, slots=True)
class Snapshot:
    """People, lists and import jobs at one moment."""

    profiles: Profiles
    lists: Lists
    jobs: Jobs


def snapshot(world: World) -> Snapshot:
    """What there is now. Only between requests."""
    return Snapshot(*deepcopy((world.profiles, world.lists, world.jobs)))


def restore(world: World, then: Snapshot) -> None:
    """Back to that moment. Only between requests."""
    world.profiles, world.lists, world.jobs = deepcopy((then.profiles, then.lists, then.jobs))


@contextmanager
def serving(world: World) -> Iterator[str]:
    """Serve a world from a thread; yields the base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(world),
        http=LineProtocol,
        lifespan="off",
        ws="none",
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
