"""Posts messages with a real library for Python, and prints what the library reports of failures.

stdin: `{"library": "segment" | "rudderstack", "settings": {name: value}, "calls": [[type, message]], "then": ...}`.
`settings` are those of the library's module. `then`: `exit` without a flush, `flush` and exit, or `flush` and `linger`
until the process is ended. Prints a line of JSON for each failure, and `{"flushed": true}` before it lingers.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import threading
from typing import Any


def report(**line: Any) -> None:
    """Print one line."""
    print(json.dumps(line), flush=True)


def failed(error: Exception, _batch: object) -> None:
    """What the library calls for a batch that it gave up."""
    report(status=getattr(error, "status", None), code=getattr(error, "code", None), message=str(error))


def arguments(message: dict[str, Any]) -> dict[str, Any]:
    """A message of Segment's spec as the library's arguments: userId is user_id."""
    return {re.sub(r"(?<=[a-z])I", "_i", name): value for name, value in message.items()}


def main() -> None:
    """Carry stdin out."""
    order = json.load(sys.stdin)
    analytics = importlib.import_module(f"{order['library']}.analytics")
    for name, value in {**order["settings"], "on_error": failed}.items():
        setattr(analytics, name, value)
    for kind, message in order["calls"]:
        getattr(analytics, kind)(**arguments(message))
    if order["then"] != "exit":
        analytics.flush()
    if order["then"] == "linger":
        report(flushed=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
