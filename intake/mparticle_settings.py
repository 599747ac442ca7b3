"""The settings that mParticle's users make for Ferry (mParticle: Firehose, module registration, setting types).

Firehose has no choice among values and no mapping editor, so those are text whose description names what may stand
there.
"""

from __future__ import annotations

from typing import Any, Final

API_KEY: Final = "apiKey"
#: Written by Ferry into the answer to a subscription; mParticle sends it back with every change of the audience.
LIST_ID: Final = "klaviyoListId"


def _text(
    setting_id: str, name: str, description: str, default: str = "", *, visible: bool = True, confidential: bool = False
) -> dict[str, Any]:
    setting: dict[str, Any] = {"type": "text", "id": setting_id, "name": name, "description": description}
    setting |= {"visible": visible, "required": False, "confidential": confidential}
    return setting | {"default_value": default} if default else setting


#: Of one account: which Klaviyo account it is, and how a person is found there.
ACCOUNT: Final = (
    _text(
        API_KEY,
        "Klaviyo Private API Key",
        "Starts with pk_ and needs the scopes accounts:read, lists:read, lists:write, profiles:read, profiles:write; "
        "for consent subscriptions:write, for erasure data-privacy:write. "
        "Leave it empty where whoever runs Ferry has given it the key.",
        confidential=True,
    ),
    _text(
        "alternateIdentifier",
        "Alternate Identifier",
        "The identity sent to Klaviyo as external_id. One of: None, Customer Id, Other, Other2, Other3, Other4, "
        "Other5, Other6, Other7, Other8, Other9, Other10.",
        "None",
    ),
    _text(
        "phoneIdentifier",
        "Phone Identifier",
        "The identity sent to Klaviyo as the phone number. One of: Mobile Number, Phone Number 2, Phone Number 3.",
        "Mobile Number",
    ),
    _text(
        "defaultCountry",
        "Default Country",
        "The country of phone numbers without a country code, where the person has no country. "
        "An ISO 3166-1 code, such as US.",
    ),
)
#: Of one audience: which Klaviyo list it fills, and how attributes become profile fields.
AUDIENCE: Final = (
    _text("listId", "Klaviyo List ID", "Fill this list. Leave it empty for a list of the audience's name."),
    _text("listName", "Klaviyo List Name", "Fill the list of this name, made if there is none."),
    _text(
        "propertyMapping",
        "Property Mapping",
        "Which attribute fills which Klaviyo field, as JSON such as "
        '{"company": "organization"}. Fields: address2, image, latitude, longitude, organization, source, timezone, '
        "title.",
    ),
    _text(
        "consentMapping",
        "Consent Mapping",
        'Which consent purpose stands for which Klaviyo channel, as JSON such as {"newsletter": "email"}. '
        "Channels: email, sms. Empty: membership changes nobody's consent.",
    ),
    _text(LIST_ID, "Klaviyo List", "The list that Ferry fills. Written by Ferry.", visible=False),
)
#: Ids of the settings of an account, and of an audience.
OF_ACCOUNT: Final = frozenset(setting["id"] for setting in ACCOUNT)
OF_AUDIENCE: Final = frozenset(setting["id"] for setting in AUDIENCE)
