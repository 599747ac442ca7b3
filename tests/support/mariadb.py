"""A real MariaDB for tests, started with Debian's package in a temporary folder, as a user who is not root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pymysql

from configuration.queries import DataSource
from local import ports
from tests.support.waiting import until

#: Without a password, and with the rights of root.
_OWNER: Final = "owner"


class MariaDb(NamedTuple):
    """A server with a database `shop`."""

    port: int

    def source(self, user: str = _OWNER, time_zone: str = "UTC", port: int | None = None) -> DataSource:
        """The database as a source of queries. `port`: of something between."""
        url = f"mysql://{user}@127.0.0.1:{port or self.port}/shop"
        return DataSource("warehouse", "server", url, time_zone)

    def run(self, *statements: str) -> list[Any]:
        """Run statements, each by itself; return the rows of the last one."""
        with pymysql.connect(host="127.0.0.1", port=self.port, user=_OWNER, autocommit=True) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return [*cursor.fetchall()]


@contextmanager
def mariadb() -> Iterator[MariaDb]:
    """A server that is gone afterwards."""
    install = shutil.which("mariadb-install-db")
    assert install, "these tests need MariaDB: apt-get install mariadb-server"
    user = "mysql" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, user)
        data, port = Path(folder, "data"), ports.any_free()
        words = [
            install,
            "--no-defaults",
            f"--datadir={data}",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ]
        subprocess.run(words, user=user, check=True, stdout=subprocess.DEVNULL, timeout=120, cwd="/")
        begun = Path(folder, "begin.sql")
        # One statement a line.
        begun.write_text(
            f"CREATE USER {_OWNER};\nGRANT ALL ON *.* TO {_OWNER} WITH GRANT OPTION;\nCREATE DATABASE shop;\n"
        )
        begun.chmod(0o644)
        options = [f"--datadir={data}", f"--port={port}", f"--socket={folder}/socket", f"--init-file={begun}"]
        server = subprocess.Popen(
            [_server(), "--no-defaults", *options, "--bind-address=127.0.0.1", "--skip-name-resolve"],
            user=user,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        try:
            until(lambda: _answers(port), "MariaDB answers", 60)
            yield MariaDb(port)
        finally:
            server.kill()
            server.wait()


def _server() -> str:
    found = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, "these tests need MariaDB: apt-get install mariadb-server"
    return found


def _answers(port: int) -> bool:
    try:
        MariaDb(port).run("SELECT 1 FROM information_schema.schemata WHERE schema_name = 'shop'")
    except pymysql.OperationalError:
        return False
    return True
