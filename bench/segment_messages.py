"""The Segment messages to send, as a website's library makes them, with the usual context (Segment: spec)."""

from __future__ import annotations

from typing import Any, Final

import orjson

from bench.messages import MARK, request

PATH: Final = "/v1/segment"
#: Products in an order.
PRODUCTS: Final = 3


def identify(person: str, phone: str) -> dict[str, Any]:
    """Return an `identify` message. `person`: a number or MARK."""
    traits = {
        **_known(person, phone),
        "firstName": "Firstname",
        "lastName": "Lastname",
        "title": "Buyer",
        "company": {"name": "Example"},
        "address": {"city": "San Francisco", "state": "CA", "postalCode": "94103", "country": "US"},
        "plan": "gold",
    }
    return _message(person, "identify", {}) | {"traits": traits}


def track(person: str, phone: str) -> dict[str, Any]:
    """Return a `track` message of a viewed product."""
    properties = _product(1) | {"category": "Games", "currency": "USD", "value": 18.99}
    return _message(person, "track", _known(person, phone)) | {"event": "Product Viewed", "properties": properties}


def order(person: str, phone: str) -> dict[str, Any]:
    """Return a `track` message of an order of PRODUCTS products."""
    properties = {
        "order_id": f"order-{person}",
        "total": 75.5,
        "revenue": 66.97,
        "shipping": 3.0,
        "tax": 5.53,
        "currency": "USD",
        "products": [_product(number) for number in range(PRODUCTS)],
    }
    return _message(person, "track", _known(person, phone)) | {"event": "Order Completed", "properties": properties}


def marked(phone: str) -> bytes:
    """Return a request with one `track`, with MARKs in the id of the message and in the person."""
    return request(orjson.dumps(track(MARK, phone)), PATH)


def _message(person: str, kind: str, traits: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": kind,
        "messageId": f"ajs-next-1714592744065-{person}",
        "userId": f"customer-{person}",
        "anonymousId": f"507f191e-810c-4197-9de8-{person}",
        "timestamp": "2024-05-01T19:45:44.065Z",
        "context": {
            "traits": traits,
            "ip": "203.0.113.7",
            "library": {"name": "analytics.js", "version": "2.11.1"},
            "locale": "en-US",
            "page": {
                "path": "/games/monopoly",
                "referrer": "https://www.example.com/games",
                "title": "Monopoly: 3rd Edition",
                "url": "https://www.example.com/games/monopoly",
            },
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0",
        },
    }


def _known(person: str, phone: str) -> dict[str, Any]:
    return {"email": f"firstname.lastname.{person}@example.com", "phone": phone}


def _product(number: int) -> dict[str, Any]:
    return {
        "product_id": f"507f1f77bcf86cd79943901{number}",
        "sku": f"45790-{number}",
        "name": "Monopoly: 3rd Edition",
        "price": 18.99,
        "quantity": 1,
        "url": f"https://www.example.com/games/monopoly/{number}",
        "image_url": f"https://www.example.com/games/monopoly/{number}.jpg",
    }
