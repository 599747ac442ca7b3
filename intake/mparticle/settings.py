"""The settings that mParticle's users make for Ferry (mParticle: Firehose, module registration, setting types).

Firehose has no choice among values and no mapping editor, so those are text whose description names what may stand
there.

Reads the settings of an mParticle account or audience (mParticle: Firehose; every value is a string).
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any, Final

import msgspec

from text.json_names import unknown

log = logging.getLogger(__name__)

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
#: Those of an audience that say which list it fills.
LISTS: Final = ("listId", "listName", LIST_ID)
#: Ids of the settings of an account, and of an audience.
OF_ACCOUNT: Final = frozenset(setting["id"] for setting in ACCOUNT)
OF_AUDIENCE: Final = frozenset(setting["id"] for setting in AUDIENCE)

#: How a private key of Klaviyo begins.
_KEY: Final = "pk_"
#: Kept instead of one in a setting that is not for it. As wrong there as the key was, so that the connection is held
#: and the setting named; left out, people would be sent by another setting than was meant.
NOT_KEPT: Final = "(a Klaviyo key, not kept)"
_NAMES: Final = OF_ACCOUNT | OF_AUDIENCE
#: Unknown names that one process tells of: senders may make up names without end.
_MOST: Final = 100
_told: Final[set[str]] = set()

_texts = msgspec.json.Decoder(dict[str, str])
_anything = msgspec.json.Decoder(dict[str, msgspec.Raw])
_plain_text = msgspec.json.Decoder(str)


def read(raw: msgspec.Raw, confidential: str = "") -> dict[str, str]:
    """Setting id -> text. A number or boolean becomes its JSON; null, lists and objects are left out.

    `confidential`: the setting that may hold a Klaviyo key, of an account. A key in any other is read as NOT_KEPT.
    """
    if not (json := bytes(raw)):
        return {}
    try:
        settings = _texts.decode(json)
    except msgspec.ValidationError:
        settings = _one_by_one(json)
    for name, text in settings.items():
        if name != confidential and text.lstrip().startswith(_KEY):
            settings[name] = NOT_KEPT
            tell(name if name in _NAMES else None)
    known = OF_ACCOUNT if confidential else OF_AUDIENCE
    for name in sorted(settings.keys() - known):
        _tell_unknown(name, known)
    return settings


def _tell_unknown(name: str, known: frozenset[str]) -> None:
    """Log it once in a process. It is ignored and not refused: mParticle would repeat its message for ever."""
    if name not in _told and len(_told) < _MOST:
        _told.add(name)
        log.warning("a setting that mParticle sent is ignored: %s", unknown(name, sorted(known)))


@lru_cache(len(_NAMES) + 1)
def tell(name: str | None) -> None:
    """Log that a setting holds a key: once in a process, and not with every message. None: a setting not Ferry's."""
    setting = f"the setting {name}" if name else "a setting that is not Ferry's"
    log.warning("%s holds a Klaviyo key, which is not kept; correct the setting, and give the key as apiKey", setting)


def _one_by_one(json: bytes) -> dict[str, str]:
    try:
        values = {key: bytes(value) for key, value in _anything.decode(json).items()}
    except msgspec.ValidationError:
        return {}
    return {
        key: _plain_text.decode(value) if value.startswith(b'"') else value.decode()
        for key, value in values.items()
        if value != b"null" and not value.startswith((b"[", b"{"))
    }
