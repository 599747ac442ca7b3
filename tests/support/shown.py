"""A program that prints what it is, for tests of how tests start processes."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile

from queues.key_prefix import PREFIX


def main() -> None:
    """Print it as JSON; a word among the arguments is the exit code, `wait` waits for a signal."""
    shown = {
        "pid": os.getpid(),
        "session": os.getsid(0),
        "folder": os.getcwd(),
        "temporary": tempfile.gettempdir(),
        "variables": dict(os.environ),
        "files": len(os.listdir("/proc/self/fd")),
        "prefix": PREFIX,
        "random": random.random(),
        "terminates": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
        "modules": len(sys.modules),
    }
    print(json.dumps(shown), flush=True)  # noqa: T201
    if sys.argv[1:] == ["wait"]:
        signal.pause()
    sys.exit("the reason" if sys.argv[1:] == ["reason"] else 7)


if __name__ == "__main__":
    main()
