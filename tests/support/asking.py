"""`ferry` in the shell of a test: has the command forked with the shell's streams, and ends as it ends.

It starts in a few milliseconds, because it runs without site-packages and imports nothing of Ferry.
"""

from __future__ import annotations

import json
import os
import socket
import sys


def main() -> None:
    """Take the number of the socket to the process that forks, and the words of the command."""
    control, *words = sys.argv[1:]
    told, status = os.pipe()
    asked = {
        "command": [sys.executable, "-P", "-m", "commands", *words],
        "environment": dict(os.environ),
        "cwd": os.getcwd(),
        "session": False,
    }
    with socket.socket(fileno=int(control)) as asking:
        socket.send_fds(asking, [json.dumps(asked).encode()], [0, 1, 2, status])
    os.close(status)
    os.read(told, 4)  # its process id
    if not (ended := os.read(told, 4)):
        sys.exit("the process that forks has died; its output says why")
    code = int.from_bytes(ended, "big", signed=True)
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
