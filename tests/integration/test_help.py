"""`ferry --help` answers at once."""

from __future__ import annotations

import subprocess
import sys

from tests.support.paths import ROOT


def test_the_help_imports_neither_a_server_nor_a_client_of_redis_rq_or_klaviyo() -> None:
    program = """
import sys
from commands.main import main
try:
    main(["--help"])
except SystemExit:
    print(sorted({"falcon", "klaviyo", "redis", "requests", "rq", "uvicorn"} & set(sys.modules)), file=sys.stderr)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "Send pending changes now." in ended.stdout
    assert ended.stderr == "[]\n"
