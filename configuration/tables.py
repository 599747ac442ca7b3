"""Reads connections.toml (FERRY_CONNECTIONS) and checks a table of it: the part that all kinds of tables share."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from marshmallow import Schema, ValidationError

from mappings.complaints import complaints

Made = TypeVar("Made")


class ConnectionsError(ValueError):
    """connections.toml cannot be used; the message names the place and the remedy."""


def document(path: Path) -> dict[str, Any]:
    """Return the content of the file. Raises ConnectionsError."""
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as fault:
        raise ConnectionsError(f"{path} cannot be read: {fault.strerror}; correct FERRY_CONNECTIONS") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConnectionsError(f"{path} is not TOML: {fault}") from fault


def read_table(
    where: str, schema: Schema, values: Any, examples: Mapping[str, str], make: Callable[[dict[str, Any]], Made]
) -> Made:
    """Return what `make` makes of a checked table. Raises ConnectionsError with place, fault and an example."""
    try:
        return make(schema.load(values))
    except ValidationError as fault:
        line = next(complaints(fault.messages, schema))
        option = line.partition(":")[0].partition(".")[0]
        example = f" Example: {option} = {examples[option]}" if option in examples else ""
        raise ConnectionsError(f"{where}: {line}{example}") from fault


def variable(read: Mapping[str, Any], option: str) -> str:
    """Return the value of the environment variable that an option names: no secret is in the file itself.

    Raises ValidationError when it is not set.
    """
    value = os.environ.get(read[option], "")
    if not value.strip(" ,"):
        raise ValidationError({option: [f"it names {read[option]}, which is not set; set it in the environment."]})
    return value
