"""Declares and reads the settings of mParticle accounts and audiences (mParticle: Firehose, module registration).

Firehose has no setting types for choices and mappings, so those settings are text, and their descriptions list the
allowed values. Every value that mParticle sends is a string.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any, Final

import msgspec

from text.json_names import unknown

log = logging.getLogger(__name__)
API_KEY: Final = "apiKey"
#: The setting that Ferry writes into the answer to a subscription; mParticle sends it back with every change.
LIST_ID: Final = "klaviyoListId"
#: The settings of an audience that choose its list.
LISTS: Final = ("listId", "listName", LIST_ID)
#: The prefix of a Klaviyo private key.
_KEY: Final = "pk_"
#: Kept instead of a key in another setting. It is as invalid there as the key, so the connection is held and the
#: setting named; left out, people would be sent with a setting that was not meant.
NOT_KEPT: Final = "(a Klaviyo key, not kept)"
#: Most unknown names that one process logs, because a sender may send any number of names.
_MOST: Final = 100
_logged: Final[set[str]] = set()
_texts = msgspec.json.Decoder(dict[str, str])
_anything = msgspec.json.Decoder(dict[str, msgspec.Raw])
_plain_text = msgspec.json.Decoder(str)


def _text(
    setting_id: str, name: str, description: str, default: str = "", *, visible: bool = True, confidential: bool = False
) -> dict[str, Any]:
    setting: dict[str, Any] = {"type": "text", "id": setting_id, "name": name, "description": description}
    setting |= {"visible": visible, "required": False, "confidential": confidential}
    return setting | {"default_value": default} if default else setting


#: The settings of an account: its Klaviyo account, and how people are found there.
ACCOUNT: Final = (
    _text(
        API_KEY,
        "Klaviyo Private API Key",
        "Starts with pk_. Needs the scopes accounts:read, lists:read, lists:write, profiles:read, profiles:write; "
        "for consent also subscriptions:write, for erasure data-privacy:write. "
        "Leave it empty if the key is set in Ferry.",
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
        "The country of phone numbers without a country code, for people without a country. "
        "An ISO 3166-1 code, such as US.",
    ),
)
#: The settings of an audience: the Klaviyo list it fills, and how attributes become profile fields.
AUDIENCE: Final = (
    _text("listId", "Klaviyo List ID", "The list to fill. Leave it empty for a list with the audience's name."),
    _text("listName", "Klaviyo List Name", "The name of the list to fill. Ferry creates it if there is none."),
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
        "Channels: email, sms. Leave it empty if membership changes no consent.",
    ),
    _text(LIST_ID, "Klaviyo List", "The list that Ferry fills. Written by Ferry.", visible=False),
)
#: The ids of the settings of an account, and of an audience.
OF_ACCOUNT: Final = frozenset(setting["id"] for setting in ACCOUNT)
OF_AUDIENCE: Final = frozenset(setting["id"] for setting in AUDIENCE)
_NAMES: Final = OF_ACCOUNT | OF_AUDIENCE


def read(raw: msgspec.Raw, confidential: str = "") -> dict[str, str]:
    """Return setting id -> text. A number or boolean becomes its JSON; null, lists and objects are left out.

    `confidential`: the setting of an account that may hold a Klaviyo key. A key in any other is read as NOT_KEPT.
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
    """Log an unknown setting once per process. It is not refused: mParticle would repeat the message forever."""
    if name not in _logged and len(_logged) < _MOST:
        _logged.add(name)
        log.warning("a setting that mParticle sent is ignored: %s", unknown(name, sorted(known)))


@lru_cache(len(_NAMES) + 1)
def tell(name: str | None) -> None:
    """Log once per process that a setting holds a key. `name`: None for a setting that Ferry does not have."""
    setting = f"the setting {name}" if name else "an unknown setting"
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
