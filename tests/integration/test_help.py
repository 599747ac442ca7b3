"""`ferry --help` answers at once, and no command waits for clients that it does not use."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


@pytest.mark.parametrize("command", ["status", "flush", "audit", "scheduler"])
def test_a_command_that_asks_klaviyo_nothing_imports_no_client_for_http_or_mail(command: str) -> None:
    program = f"""
import sys
import commands.{command}
print({{"klaviyo.client", "requests", "smtplib"}} & set(sys.modules))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ended.stdout == "set()\n"
