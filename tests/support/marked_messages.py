"""Messages full of the marks of canaries.py, some sound and some not."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from tests.support import canaries as c

CHANGES, MPARTICLE, SEGMENT = "/v1/changes", "/v1/mparticle", "/v1/segment"
ACCOUNT = {"account_id": 123456, "account_settings": {"apiKey": c.API_KEY, "defaultCountry": "US"}}


def identity(kind: str, value: Any, encoding: str = "raw") -> dict[str, Any]:
    """One of `user_identities`."""
    return {"type": kind, "encoding": encoding, "value": value}


ANN = [identity("email", c.ANN), identity("customer", c.EXTERNAL_ID), identity("mobile_number", c.PHONE)]
CAT = [identity("email", c.CAT)]
_numbers = count()
DEEP = json.loads("[" * 70 + "]" * 70)
ATTRIBUTES = [{"key": f"{c.MARK} taste", "action": "upsert", "value": c.MARK}, {"$FirstName": c.MARK, "zip": c.PHONE}]


def profile(*identities: dict[str, Any], **audience: Any) -> dict[str, Any]:
    """A person with these identities who enters an audience. `audience`: what its entry has besides, or instead."""
    entry = {"audience_id": 42, "audience_name": "VIPs", "action": "add", "user_attributes": ATTRIBUTES, **audience}
    return {"mpid": f"{c.MPID}{next(_numbers)}", "user_identities": list(identities), "audiences": [entry]}


def membership(*profiles: Any, **more: Any) -> dict[str, Any]:
    """A message about these people."""
    envelope = {"type": "audience_membership_change_request", "account": ACCOUNT}
    return {**envelope, "user_profiles": list(profiles), **more}


def subscription(settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A message that connects the audience, with settings of the account."""
    message = {"type": "audience_subscription_request", "audience_id": 42, "audience_name": "VIPs", "action": "add"}
    return {**message, "account": {"account_id": 123456, "account_settings": settings}, **more}


def segment(kind: str, email: str = c.ANN, **more: Any) -> dict[str, Any]:
    """A message of the Segment spec from this person."""
    traits = {"email": email, "phone": c.PHONE, f"{c.MARK} taste": c.MARK}
    return {"type": kind, "messageId": f"s-{next(_numbers)}", "userId": c.EXTERNAL_ID, "traits": traits, **more}


PERSONAS = {"personas": {"computation_class": "audience", "computation_key": "vips", "computation_id": "aud_1"}}
NOBODY = profile() | {"mpid": None}
#: Taken, though there are people among them who cannot be: address and body.
SOUND: list[tuple[str, Any]] = [
    (MPARTICLE, membership(profile(*ANN), profile(identity("email", c.BEN)), profile(identity("email", c.BLOCKED)))),
    (MPARTICLE, membership(profile(identity("email", c.HASHED, "sha256")), profile(identity("email", c.NO_ADDRESS)))),
    (MPARTICLE, membership(profile(*ANN, action=c.ANN), profile(*ANN, audience_name=[c.ANN]), NOBODY)),
    (MPARTICLE, membership(profile(*ANN, audience_id=c.ANN * 20), profile() | {"mpid": [c.ANN]}, c.ANN, [c.ANN])),
    (MPARTICLE, membership({c.ANN: 1, "audiences": {c.ANN: 1}}, profile(identity(c.ANN, {c.ANN: c.ANN})))),
    (MPARTICLE, membership(profile(*CAT, action="delete"))),
    (MPARTICLE, subscription({"apiKey": c.API_KEY}, audience_subscription_settings={"listName": ""})),
    (MPARTICLE, {"type": "event_processing_request", "events": [{"user": c.ANN}], "mpid": c.MPID, "consent_state": {
        "gdpr_consent_state": {"newsletter": {"consented": True, "document": c.MARK}}}}),
    (MPARTICLE, {"type": "dsr_processing_request", "subject_request_id": c.ANN,
                 "subject_identities": {"email": {"value": f"gone.{c.CAT}"},
                                        "customer": {"value": f"{c.EXTERNAL_ID}9"}}}),
    (MPARTICLE, {"type": "dsr_processing_request", "subject_request_id": c.E164}),
    (CHANGES, {"audience": {"id": "42", "name": "Members"}, "changes": [
        {"action": "add", "email": c.ANN, "phone": c.PHONE, "external_id": c.EXTERNAL_ID,
         "attributes": {c.MARK: c.MARK}},
        {"action": "update", "phone": c.PHONE},
        {"action": "remove", "external_id": f"{c.EXTERNAL_ID}8"},
        {"action": c.BEN, "email": c.BEN},
        {"action": f"x - at `${c.ANN}", "email": c.BEN},
        {"action": "add", "email": [c.ANN]},
        {"action": "add", "email": c.ANN, "timestamp": c.ANN},
        {"action": "add", "email": c.ANN, "attributes": c.ANN},
        {"action": "add", "email": c.ANN, "audience": {"id": [c.ANN]}},
        {c.ANN: c.ANN},
        c.ANN,
    ]}),
    (SEGMENT, segment("identify")),
    (SEGMENT, {"batch": [
        segment("identify", c.BEN), segment("identify", c.BLOCKED), segment("identify", c.NO_ADDRESS),
        segment("identify", context=PERSONAS | {"traits": c.ANN}, traits={"vips": True, "email": c.ANN}),
        segment("identify", c.CAT, context=PERSONAS, traits={"vips": False, "email": c.CAT}),
        segment("identify", traits=[c.ANN]),
        segment("identify", timestamp=c.ANN),
        segment("page", name=c.ANN),
        segment("delete", f"gone.{c.CAT}", userId=f"{c.EXTERNAL_ID}9"),
        segment(c.ANN),
        segment("identify", messageId=c.ANN * 20),
        {c.ANN: c.ANN},
        c.ANN,
    ]}),
]  # fmt: skip
#: Taken as well; delivered by the minute, and when Klaviyo had its time.
SLOW: list[tuple[str, Any]] = [
    (SEGMENT, {"batch": [
        segment("track", event="Bought", properties={c.MARK: c.ANN, "revenue": c.ANN}),
        segment("track", event=c.ANN * 20),
        segment("track", event="Seen", traits={}, anonymousId=c.EXTERNAL_ID, timestamp=c.ANN),
        segment("track", event="Order Completed", properties={"order_id": c.ANN, "products": [{"sku": c.ANN}, c.ANN]}),
        segment("track", event="User Subscribed"),
        segment("track", c.NO_ADDRESS, event="User Unsubscribed"),
    ]}),
]  # fmt: skip
#: Refused as a whole.
UNSOUND: list[tuple[str, Any]] = [
    (MPARTICLE, f'{{"type":"{c.ANN}"}}'),
    (MPARTICLE, f'{{"type":"{c.BEN}"}}'),
    (MPARTICLE, f'{{"{c.ANN}":'),
    (MPARTICLE, f'"{c.ANN}"'),
    (MPARTICLE, f'{{"type":"event_processing_request","{c.ANN}":1,"id":"{c.ANN}","id":"{c.BEN}"}}'),
    (MPARTICLE, membership(id=c.ANN * 20)),
    (MPARTICLE, membership(profile(*ANN), account={"account_id": c.ANN})),
    (MPARTICLE, membership(profile(*ANN), account={"account_settings": {"apiKey": c.API_KEY}, "account_id": [c.ANN]})),
    (MPARTICLE, subscription({}, audience_id={c.ANN: c.ANN})),
    (MPARTICLE, subscription({}, audience_name=c.ANN * 20)),
    (MPARTICLE, membership(profile(*CAT, action="delete"), profile(*ANN, user_attributes={c.ANN: DEEP}))),
    (SEGMENT, segment("identify", traits={c.ANN: {c.E164: DEEP}})),
    (SEGMENT, f'{{"type":"identify","traits":{{"{c.ANN}":{{"{c.E164}":1e999}}}}}}'),
    (SEGMENT, f'{{"type":"identify","{c.ANN}":'),
    (SEGMENT, {"batch": {c.ANN: c.ANN}}),
    (SEGMENT, {"batch": [], "context": c.ANN}),
    (SEGMENT, f'{{"batch":[],"{c.ANN}":"\udcff"}}'.encode("utf-8", "surrogateescape")),
    (CHANGES, f"email={c.ANN}&phone={c.E164}"),
    (CHANGES, f'{{"changes":[{{"email":"{c.ANN}\ud83d"'.encode("utf-8", "surrogatepass")),
    (CHANGES, {"changes": c.ANN, "audience": {"id": c.ANN}}),
    (CHANGES, {"changes": [], "audience": {"id": c.ANN * 20}}),
    (f"{CHANGES}?audience={c.ANN * 20}", {"changes": []}),
    (f"/people/{c.ANN}", {}),
]
