"""Who shows a token, and who does not."""

from __future__ import annotations

import hmac

import pytest

from intake.auth import Auth
from settings import Token

TOKENS = (Token("mparticle", "0b5c4d3f7a1e4c66"), Token("backoffice", "6f1d2c9a8b7e4f30"))


@pytest.mark.parametrize("scheme", ["Token", "token", "Bearer", "BEARER"])
@pytest.mark.parametrize("token", TOKENS)
def test_every_token_is_known_under_both_schemes(scheme: str, token: Token) -> None:
    assert Auth(TOKENS).knows(f"{scheme} {token.value}")


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
        "Token \xff\xfe",
        "Token \u20ac",
    ],
)
def test_nothing_else_is_known(header: str | None) -> None:
    assert not Auth(TOKENS).knows(header)


def test_without_tokens_nobody_is_known() -> None:
    assert not Auth(()).knows("Token ")
    assert not Auth(()).knows("Token anything-at-all-0123")


def test_every_token_is_compared_even_after_one_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    honest = hmac.compare_digest

    def counted(a: bytes, b: bytes) -> bool:
        compared.append(b)
        return honest(a, b)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    assert Auth(TOKENS).knows(f"Token {TOKENS[0].value}")
    assert compared == [token.value.encode() for token in TOKENS]
