from __future__ import annotations

import pytest

from mappings.errors import Reason, Unfit
from mappings.identifiers import first_email, is_email


@pytest.mark.parametrize(
    "address",
    [
        "jane@example.com",
        "jane.doe+tag@mail.example.co.uk",
        "JANE@EXAMPLE.COM",
        "o'brian@example.com",
        "1_2-3%4@ex-ample.io",
        "jane@xn--mnchen-3ya.de",
        "jane@example.xn--p1ai",
        f"{'a' * 64}@example.com",
        f"a@{'b' * 63}.com",
        f"a@{'.'.join(['b' * 61] * 4)}.com",
    ],
)
def test_an_address_that_can_be_mailed_is_valid(address: str) -> None:
    assert is_email(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "jane",
        "@example.com",
        "jane@",
        "jane@example",
        "jane@example.c",
        "jane@example.123",
        "invalid_email@gmail..com",
        "jane..doe@example.com",
        ".jane@example.com",
        "jane.@example.com",
        "jane@.example.com",
        "jane@example.com.",
        "jane@-example.com",
        "jane@example-.com",
        "jane@exa_mple.com",
        "jane@doe@example.com",
        "jane doe@example.com",
        "jane@exam ple.com",
        "jane@example.com\n",
        "jane\x00@example.com",
        "jane\t@example.com",
        '"jane doe"@example.com',
        "Jane <jane@example.com>",
        "jane@[192.168.0.1]",
        "jane,doe@example.com",
        "jörg@example.com",
        "jane@münchen.de",
        "e179e95c00e7718ab4a23840f992ea63",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 64}.com",
        f"a@{'.'.join(['b' * 62] * 4)}.com",
    ],
)
def test_an_address_that_klaviyo_would_refuse_is_invalid(address: str) -> None:
    assert not is_email(address)


def test_the_first_valid_address_is_taken_in_lower_case() -> None:
    assert first_email(["nobody", "Jane@Example.com", "doe@example.com"]) == "jane@example.com"


def test_no_valid_address_among_several_is_unfit() -> None:
    with pytest.raises(Unfit) as caught:
        first_email(["nobody", "no one"])
    assert caught.value.reason is Reason.EMAIL_INVALID
