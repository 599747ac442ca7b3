"""connections.toml as a test writes it."""

from __future__ import annotations

from pathlib import Path

from configuration.connections import Connection, Connections
from configuration.connections_file import load

DEFAULT = Connection("default", "pk_default")


def read(tmp_path: Path, text: str) -> Connections:
    """The connections of a file that says this, beside the default one."""
    file = tmp_path / "connections.toml"
    file.write_text(text)
    return load(file, DEFAULT)
