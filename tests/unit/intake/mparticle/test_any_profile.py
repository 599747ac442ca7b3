"""Whatever stands in a profile, the message goes through and every change of it is kept."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from configuration.connections import Connection
from intake.audiences import Audiences
from intake.mparticle import membership
from intake.mparticle.messages import MembershipMessage, decoder
from queues.change import decode
from queues.names import Queue

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
IDENTITIES = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["email", "customer", "other"])},
        optional={"encoding": st.sampled_from(["raw", "md5"]), "value": st.text(max_size=8) | ANYTHING},
    )
    | ANYTHING,
    max_size=3,
)
AUDIENCE = st.fixed_dictionaries(
    {},
    optional={
        "audience_id": st.integers(0, 3) | ANYTHING,
        "audience_name": st.text(max_size=5) | ANYTHING,
        "audience_subscription_settings": ANYTHING,
        "action": st.sampled_from(["add", "delete", "attribute_update"]) | ANYTHING,
        "user_attributes": ANYTHING,
    },
)
PROFILE = st.fixed_dictionaries(
    {},
    optional={
        "mpid": st.text(max_size=5) | ANYTHING,
        "user_identities": IDENTITIES | ANYTHING,
        "audiences": st.lists(AUDIENCE | ANYTHING, max_size=4) | ANYTHING,
        "device_identities": ANYTHING,
    },
)


def pairs(profile: Any) -> int:
    """How many changes a profile brings: one for each audience that is not empty, one for what has none to read."""
    if profile in (None, {}):
        return 0
    if not isinstance(profile, dict):
        return 1
    audiences = profile.get("audiences")
    mpid = profile.get("mpid")
    is_wrong = not (mpid is None or (isinstance(mpid, str | int) and not isinstance(mpid, bool)))
    if audiences is not None and not isinstance(audiences, list):
        return 1
    count = len([each for each in audiences or () if each not in (None, {})])
    return max(count, 1) if is_wrong else count


@given(st.lists(PROFILE | ANYTHING, max_size=4))
def test_any_json_in_profiles_is_kept_change_by_change(profiles: list[Any]) -> None:
    posted = json.dumps({"type": "audience_membership_change_request", "id": "m", "user_profiles": profiles})
    message = decoder.decode(posted)
    assert isinstance(message, MembershipMessage)
    acceptances = membership.acceptances(message, 1, Connection("c"), Audiences(), 1_800_000_000_000)
    kept = [change for each in acceptances for change in each.changes]
    dead = [letter for each in acceptances for letter in each.dead]
    assert len(kept) + len(dead) == sum(map(pairs, profiles))
    for stored in kept + [letter.change for letter in dead]:
        assert isinstance(
            msgspec.json.decode(decode(stored).body.person), dict | list | str | int | float | bool | None
        )
    for each in acceptances:
        assert Queue.parse(str(each.queue)) == each.queue
    assert len({each.queue for each in acceptances}) == len(acceptances)
