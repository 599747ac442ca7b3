"""What is said of a message that cannot be read: the place, and never a value."""

from __future__ import annotations

import json

import falcon
import msgspec
import pytest

from intake.changes.messages import PostedChange
from intake.http import faults
from intake.mparticle.messages import decoder

_change = msgspec.json.Decoder(PostedChange)


@pytest.mark.parametrize(
    "value",
    [
        "ann@example.com",
        "o'brien@example.com",
        'o\'brien "x" ann@example.com',
        "x - at `$ann@example.com",
        "x' - at `$ann@example.com`",
        "x - at `$ann@example.com`\n",
        "\u2028ann@example.com",
    ],
)
def test_a_value_in_the_wrong_place_is_not_repeated(value: str) -> None:
    with pytest.raises(msgspec.ValidationError) as fault:
        _change.decode(json.dumps({"action": value}))
    assert faults.describe(fault.value, "$.changes[3]") == "$.changes[3].action: Invalid enum value"
    with pytest.raises(falcon.HTTPBadRequest) as refused:
        faults.read(decoder, json.dumps({"type": value}).encode(), "a, b")
    assert str(refused.value.description).startswith("$.type: Invalid value; it must be one of a, b. ")
