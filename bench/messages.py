"""The messages to send: membership changes of mParticle, one audience each (mParticle: Firehose)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

#: A placeholder; each sending overwrites it with a number of the same length, so that no two messages are equal.
MARK: Final = "############"
ACCOUNT: Final = 123456
#: Ferry's connection for the account.
CONNECTION: Final = f"mparticle-{ACCOUNT}"
PATH: Final = "/v1/mparticle"
TOKEN: Final = "a-token-for-benchmarks-only"  # noqa: S105  # of a server that lives for a minute on the loopback address


def number(value: int) -> str:
    """Return a number as long as MARK."""
    return f"{value:012d}"


def phone(person: int) -> str:
    """Return a valid number, unique among eight million persons and always of the same length."""
    return f"+1415{2_000_000 + person % 8_000_000}"


def audience_name(audience: int) -> str:
    """Return the CDP's name of an audience, which is also the name of its list in Klaviyo."""
    return f"Bought twice in 90 days {audience}"


def profile(person: str, audience: int, list_id: str = "", phone: str = "+14155550132", country: str = "US") -> Any:
    """Return a person of about 850 bytes who enters an audience. `person`: a number or MARK."""
    return {
        "user_identities": [
            _raw("email", f"firstname.lastname.{person}@example.com"),
            _raw("customer", f"customer-{person}"),
            _raw("mobile_number", phone),
        ],
        "device_identities": [_raw("ios_advertising_id", "52b5cfcf-9d85-4c0d-b672-cc778635153a")],
        "audiences": [
            {
                "audience_id": audience,
                "audience_name": audience_name(audience),
                "audience_subscription_settings": {"listId": list_id, "propertyMapping": ""},
                "action": "add",
                "user_attributes": [
                    _upsert("$FirstName", "Firstname"),
                    _upsert("$LastName", "Lastname"),
                    _upsert("$City", "San Francisco"),
                    _upsert("$Country", country),
                    _upsert("plan", "gold"),
                ],
            }
        ],
        "mpid": f"1519934{person}",
    }


def message(profiles: Sequence[Any], message_number: str) -> bytes:
    """Return a membership message with these people. `message_number`: a number or MARK, unique to the message."""
    return orjson.dumps(
        {
            "type": "audience_membership_change_request",
            "id": f"416d2087-8b21-476d-95da-{message_number}",
            "timestamp_ms": 1_714_592_744_065,
            "firehose_version": "3.2.0",
            "account": {
                "account_id": ACCOUNT,
                "account_settings": {"alternateIdentifier": "Customer Id", "phoneIdentifier": "Mobile Number"},
            },
            "user_profiles": profiles,
        }
    )


def request(body: bytes, path: str = PATH) -> bytes:
    """Return the complete HTTP request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Token {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def marked(changes: int, audience: int) -> bytes:
    """Return a request with so many changes for one audience, with MARKs; with one person, also in the person."""
    people = [MARK] if changes == 1 else [number(i) for i in range(changes)]
    return request(message([profile(person, audience) for person in people], MARK))


def _raw(kind: str, value: str) -> dict[str, str]:
    return {"type": kind, "encoding": "raw", "value": value}


def _upsert(key: str, value: str) -> dict[str, str]:
    return {"key": key, "value": value, "action": "upsert"}
