"""The `ferry` command with defects: whatever it has in hand is in the words of the exceptions."""

from __future__ import annotations

from typing import Any

from commands.main import main
from intake.http import faults
from worker.audience import kind as audience
from worker.delivery import Delivery


def upload(delivery: Delivery) -> None:
    """In the place of worker.audience.upload.upload."""
    person = bytes(delivery.batch.changes[0].body.person)
    cause = KeyError(person, delivery.to.api_key)
    raise RuntimeError(f"cannot upload {person!r} with {delivery.to.api_key}") from cause


def read(_decoder: object, body: bytes, *_: Any, **__: Any) -> None:
    """In the place of intake.http.faults.read."""
    raise RuntimeError(f"cannot read {body!r}")


if __name__ == "__main__":
    vars(audience)["upload"] = upload
    vars(faults)["read"] = read
    main(prog_name="ferry")
