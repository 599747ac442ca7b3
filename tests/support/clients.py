"""The libraries and clients that `make clients` installed, each run as a process of its own."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from typing import Any, Final

from tests.support.paths import ROOT

INSTALLED: Final = ROOT / ".clients"
SCRIPTS: Final = ROOT / "tests" / "clients"
ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "NODE_PATH": str(INSTALLED / "node_modules")}
#: Far more than any script takes.
_PATIENCE_S = 300
Call = tuple[str, dict[str, Any]]


def command(kind: str, program: str) -> list[str]:
    """The command that runs a program, given as text, beside the installed packages. It needs ENVIRONMENT.

    `kind`: `node` or `python`.
    """
    assert (INSTALLED / "made").exists(), "the clients are not installed: make clients"
    return [str(INSTALLED / "bin" / kind), "-c" if kind == "python" else "-e", program]


def script(name: str) -> subprocess.Popen[str]:
    """A script of tests/clients, with pipes."""
    assert (INSTALLED / "made").exists(), "the clients are not installed: make clients"
    kind = "node" if name.endswith(".js") else "python"
    return subprocess.Popen(
        [str(INSTALLED / "bin" / kind), str(SCRIPTS / name)],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@dataclass(frozen=True, slots=True)
class Package:
    """One library as its users set it up: its host and its write key, and `more` for a test.

    `address`: the name of the setting with the host. `packed`: whether it posts gzip.
    """

    script: str
    name: str
    address: str
    key: str
    packed: bool = False
    more: dict[str, Any] = field(default_factory=dict)

    def started(self, url: str, write_key: str, *calls: Call, then: str = "flush") -> subprocess.Popen[str]:
        """The process that posts these calls (type, message); `then` as in tests/clients/post.py."""
        settings = {self.address: url, self.key: write_key, **self.more}
        order = {"library": self.name, "settings": settings, "calls": calls, "then": then}
        process = script(self.script)
        assert process.stdin
        process.stdin.write(json.dumps(order))
        process.stdin.close()
        return process

    def post(self, url: str, write_key: str, *calls: Call, then: str = "flush") -> list[dict[str, Any]]:
        """What it reports of failures, when it has ended."""
        with self.started(url, write_key, *calls, then=then) as process:
            assert process.stdout
            said = process.stdout.read()
            assert process.wait(_PATIENCE_S) == 0, said
        return [json.loads(line) for line in said.splitlines()]


#: Library -> how it is set up. What is not its host and write key makes a test quicker or longer-suffering.
LIBRARIES: Final = {
    "segment-python": Package("post.py", "segment", "host", "write_key"),
    "segment-python, gzip": Package("post.py", "segment", "host", "write_key", packed=True, more={"gzip": True}),
    "rudder-python": Package("post.py", "rudderstack", "dataPlaneUrl", "write_key", packed=True),
    "segment-node": Package("post.js", "segment", "host", "writeKey", more={"flushInterval": 200}),
    "rudder-node": Package(
        "post.js", "rudderstack", "dataPlaneUrl", "writeKey", packed=True, more={"flushInterval": 200, "retryCount": 9}
    ),
}
