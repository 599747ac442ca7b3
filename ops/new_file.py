"""Files with people in them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from ops.errors import Failed


def create(path: Path) -> BinaryIO:
    """A new file that only its owner reads: one that is there may be readable by others, or be a link to anywhere.

    Raises Failed.
    """
    try:
        return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError as fault:
        raise Failed(f"{path} exists already; name another place, or remove it") from fault
    except OSError as fault:
        raise Failed(f"{path} cannot be written: {fault.strerror}") from fault
