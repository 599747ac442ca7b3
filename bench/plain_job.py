"""The plain way's job, for `rq worker plain`: one request to Klaviyo for each profile."""

from __future__ import annotations

import os
from typing import Any

import requests


def deliver(identities: list[dict[str, str]], audience: dict[str, Any]) -> None:
    """Create the profile and put it on the audience's list."""
    by_type = {identity["type"]: identity["value"] for identity in identities}
    attributes = {
        "email": by_type["email"],
        "phone_number": by_type["mobile_number"],
        "external_id": by_type["customer"],
        "properties": {each["key"]: each["value"] for each in audience["user_attributes"]},
    }
    profiles = {"data": [{"type": "profile", "attributes": attributes}]}
    lists = {"data": [{"type": "list", "id": audience["audience_subscription_settings"]["listId"]}]}
    data = {
        "type": "profile-bulk-import-job",
        "attributes": {"profiles": profiles},
        "relationships": {"lists": lists},
    }
    answer = requests.post(
        f"{os.environ['KLAVIYO_BASE_URL']}/api/profile-bulk-import-jobs",
        json={"data": data},
        headers={
            "Authorization": f"Klaviyo-API-Key {os.environ['KLAVIYO_API_KEY']}",
            "revision": os.environ["KLAVIYO_REVISION"],
            "Content-Type": "application/vnd.api+json",
        },
        timeout=30,
    )
    answer.raise_for_status()
