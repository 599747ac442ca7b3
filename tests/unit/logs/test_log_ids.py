from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs import log_ids


def test_ids_add_up_within_blocks_and_are_gone_behind_them() -> None:
    with log_ids.bound(batch="07-ab"):
        with log_ids.bound(job="J1"):
            assert log_ids.current() == {"batch": "07-ab", "job": "J1"}
        log_ids.bind(queue="default/audience/42")
        assert log_ids.current() == {"batch": "07-ab", "queue": "default/audience/42"}
    assert log_ids.current() == {}


def test_ids_are_gone_behind_a_block_that_fails() -> None:
    with pytest.raises(ValueError, match="x"), log_ids.bound(batch="07-ab"):
        raise ValueError("x")
    assert log_ids.current() == {}


def test_what_one_task_binds_no_other_sees() -> None:
    seen: dict[str, dict[str, str]] = {}

    async def request(name: str, together: asyncio.Barrier) -> None:
        log_ids.bind(request=name)
        await together.wait()
        seen[name] = dict(log_ids.current())

    async def both() -> None:
        together = asyncio.Barrier(2)
        await asyncio.gather(request("a", together), request("b", together))

    asyncio.run(both())
    assert seen == {"a": {"request": "a"}, "b": {"request": "b"}}
    assert log_ids.current() == {}


@pytest.mark.parametrize(
    "text",
    ["5b4f1bd0-9d8e-4f3b-a2c8-6e2d3f1a0b7c", "ajs-next-1700000000-ab", "req_0123456", "s-1234567", "A2345678"],
)
def test_ids_that_machines_make_are_told(text: str) -> None:
    assert log_ids.is_opaque(text)


@pytest.mark.parametrize(
    "text", ["", "short-1", "14155550177", "+14155550177", "415-555-0177", "ann smith", "abcdefgé"]
)
def test_what_may_be_a_number_a_name_or_nothing_is_not_told(text: str) -> None:
    assert not log_ids.is_opaque(text)


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_address_is_told(local: str, domain: str) -> None:
    assert not log_ids.is_opaque(f"{local}@{domain}")


@given(st.text(st.sampled_from("0123456789+- ()./"), max_size=40))
def test_no_number_is_told(number: str) -> None:
    assert not log_ids.is_opaque(number)
