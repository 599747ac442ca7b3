"""Who shows a token, and who does not."""

from __future__ import annotations

import hmac

import pytest

from configuration.senders import Sender
from intake.access.auth import Auth
from tests.support.senders import scopes

FIRST, SECOND, THIRD = "0b5c4d3f7a1e4c66", "6f1d2c9a8b7e4f30", "another of backoffice"
SENDERS = (Sender("mparticle", (FIRST,)), Sender("backoffice", (SECOND, THIRD)))


def shown(header: str | None, *senders: Sender) -> str | None:
    found = Auth(senders, scopes()).sender(header)
    return found.name if found else None


@pytest.mark.parametrize("scheme", ["Token", "token", "Bearer", "BEARER"])
@pytest.mark.parametrize(("token", "name"), [(FIRST, "mparticle"), (SECOND, "backoffice"), (THIRD, "backoffice")])
def test_every_token_tells_its_sender_under_both_schemes(scheme: str, token: str, name: str) -> None:
    assert shown(f"{scheme} {token}", *SENDERS) == name


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Token",
        "Token ",
        "0b5c4d3f7a1e4c66",
        "Basic 0b5c4d3f7a1e4c66",
        "Token 0b5c4d3f7a1e4c6",
        "Token 0b5c4d3f7a1e4c666",
        "Token 0B5C4D3F7A1E4C66",
        "Token 0b5c4d3f7a1e4c66 6f1d2c9a8b7e4f30",
        "Token mparticle:0b5c4d3f7a1e4c66",
        "Token mparticle",
        "Token \xff\xfe",
        "Token \u20ac",
        "Token \ud800",
    ],
)
def test_nothing_else_is_known(header: str | None) -> None:
    assert shown(header, *SENDERS) is None


def test_without_tokens_nobody_is_known() -> None:
    assert shown("Token ") is None
    assert shown("Token anything-at-all-0123") is None


def test_one_comparison_in_constant_time_whoever_many_senders_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    honest = hmac.compare_digest

    def counted(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return honest(a, b)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    many = [Sender(f"s{number}", (f"token of number {number:05}",)) for number in range(1_000)]
    assert shown("Token token of number 00500", *many) == "s500"
    assert shown("Token token of number 01000", *many) is None
    ((one, other),) = compared
    assert one == other
    assert b"token" not in one, "the tokens themselves are never compared"
