"""Write keys and signatures of Segment."""

from __future__ import annotations

import hmac

import falcon
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.senders import Sender
from intake.segment.auth import Signatures, posted_write_key, write_key

SECRETS = ("3c0e7b51d2f94a68", "d41f8e6a90b27c35")
SENDERS = tuple(Sender(secret[:4], segment_secrets=(secret,)) for secret in SECRETS)
# RFC 2202, test case 2 of HMAC-SHA-1.
JEFE, WHAT, DIGEST = "Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"


def test_a_signature_is_the_hmac_of_the_standard() -> None:
    assert Signatures([Sender("jefe", segment_secrets=(JEFE,))]).sender(DIGEST, WHAT).name == "jefe"


@given(body=st.binary(max_size=50), other=st.binary(max_size=50), secret=st.sampled_from(SECRETS))
def test_only_the_signature_of_these_very_bytes_passes(body: bytes, other: bytes, secret: str) -> None:
    signature = hmac.new(secret.encode(), body, "sha1").hexdigest()
    assert secret in Signatures(SENDERS).sender(f" {signature.upper()} ", body).segment_secrets
    if other != body:
        with pytest.raises(falcon.HTTPUnauthorized):
            Signatures(SENDERS).sender(signature, other)


def test_a_secret_that_was_taken_away_signs_no_longer() -> None:
    signature = hmac.new(SECRETS[1].encode(), WHAT, "sha1").hexdigest()
    with pytest.raises(falcon.HTTPUnauthorized):
        Signatures(SENDERS[:1]).sender(signature, WHAT)


@given(st.text(max_size=50))
def test_no_text_for_a_signature_is_a_defect(signature: str) -> None:
    with pytest.raises(falcon.HTTPUnauthorized):
        Signatures(SENDERS).sender(signature, b"")


def test_every_secret_is_compared_in_constant_time_whichever_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    compare = hmac.compare_digest

    def noted(given: bytes, known: bytes) -> bool:
        compared.append(known)
        return compare(given, known)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    Signatures(SENDERS).sender(hmac.new(SECRETS[0].encode(), WHAT, "sha1").hexdigest(), WHAT)
    assert len(compared) == 2


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Basic a2V5Og==", "key"),
        ("basic  a2V5OnBhc3M=", "key"),
        ("Basic a2V5", "key"),
        ("Token a2V5Og==", ""),
        ("Basic", ""),
        ("Basic a2V5Og", "key"),
        ("Basic !", ""),
        ("Basic \u20ac", ""),
        ("Basic /w==", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_write_key_is_the_user_name_of_basic(header: str | None, key: str) -> None:
    assert write_key(header) == key


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b'{"writeKey":"key"}', "key"),
        (b' {"batch":[{"writeKey":"other"}],"writeKey":"k\\u00e9y"}', "k\u00e9y"),
        (b'{"batch":[{"writeKey":"key"}]}', ""),
        (b'{"writeKey":5}', ""),
        (b'{"writeKey":null}', ""),
        (b'{"writeKey":"key"', ""),
        (b'{"writeKey":"key"}}', ""),
        (b'["writeKey"]', ""),
        (b'{"writeKey":"\xff"}', ""),
        (b"", ""),
    ],
)
def test_a_write_key_may_be_posted_at_the_top_of_a_body(body: bytes, key: str) -> None:
    assert posted_write_key(body) == key


@given(st.binary(max_size=200))
def test_no_body_for_a_write_key_is_a_defect(body: bytes) -> None:
    assert isinstance(posted_write_key(body), str)


def test_no_depth_of_a_body_is_a_defect() -> None:
    assert posted_write_key(b'{"writeKey":"key","x":' + b"[" * 500_000) == ""
