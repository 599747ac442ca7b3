"""The meaning and remedy of each reason of a dead letter, for commands and pages. Pure.

A replay sends what the CDP sent, under the current settings: it helps after a correction in the settings, Klaviyo or
Ferry. A correction in the CDP takes effect with a new change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

_NEXT: Final = "the person's next change applies it"
_ANEW: Final = "correct the sender or its mapping, and send the event again"
_TOO_LARGE: Final = f"Larger than Klaviyo accepts: send fewer or shorter attributes from the CDP; {_NEXT}."
#: Reason -> one sentence.
_MEANING: Final = {
    # Reasons of the intake: the message was accepted, but this part of it could not be read.
    "malformed": "This part of the message is not in the sender's format: correct the sender, and send it again.",
    "no_identity": "The message identifies nobody: include an e-mail, phone number or id, and send it again.",
    "list_unknown": "Neither the action nor the message names a list: set `list_id` in Segment, and send it again.",
    "channel_unknown": "The message names neither email nor sms for the consent: name one there, and send it again.",
    # Reasons of the mapping (mappings/errors.py).
    "fragment_unreadable": "The person's data is not in the CDP's format: correct the mapping there.",
    "source_unknown": "A newer version of Ferry accepted it: start workers of that version, then replay.",
    "no_email": f"The person has no e-mail: share it with Ferry in the CDP; {_NEXT}.",
    "no_identifier": f"The person has no e-mail, phone number or id: map one in the CDP; {_NEXT}.",
    "email_hashed": f"The e-mail is a hash, which Klaviyo does not accept: send it raw from the CDP; {_NEXT}.",
    "phone_hashed": f"The phone number is a hash, which Klaviyo does not accept: send it raw from the CDP; {_NEXT}.",
    "external_id_hashed": "The external id is a hash, which Klaviyo does not accept: send it raw from the CDP; "
    f"{_NEXT}.",
    "email_invalid": f"Klaviyo does not accept this e-mail: correct it in the CDP; {_NEXT}.",
    "phone_invalid": f"The phone number is invalid, or lacks its country: correct it in the CDP, and {_NEXT}; or set "
    "`default_country` for the connection and replay.",
    "external_id_invalid": f"Klaviyo does not accept this external id: correct it in the CDP; {_NEXT}.",
    "external_id_too_long": f"The external id is longer than Klaviyo accepts: correct it in the CDP; {_NEXT}.",
    "anonymous_id_invalid": f"Klaviyo does not accept this anonymous id: {_ANEW}.",
    "attribute_too_large": _TOO_LARGE,
    "metric_missing": f"The event has no name: {_ANEW}.",
    "metric_too_long": f"The event's name is longer than Klaviyo accepts: {_ANEW}.",
    "properties_invalid": f"The event's properties are not a JSON object: {_ANEW}.",
    "properties_too_many": f"The event has more properties than Klaviyo accepts: {_ANEW}.",
    "time_invalid": f"The time is invalid, or Klaviyo does not accept it: {_ANEW}.",
    "unique_id_invalid": f"The event's `unique_id` is neither text nor a whole number: {_ANEW}.",
    # Reasons of the delivery (worker/delivery.py).
    "ambiguous_person": "The id belongs to several current e-mails: send the e-mail with it from the CDP, then replay.",
    "identifier_blocked": "The value that should identify the person identifies nobody (null, 0 ...): send an e-mail "
    "from the CDP; or, if it is in `blocked_identifiers`, remove it there and replay.",
    "identifier_shared": "Too many people share the values: send an e-mail with them from the CDP.",
    "merged_profile": "Klaviyo merged the person's profile with another one: check that profile there, then replay.",
    "not_on_list": "Klaviyo imported the person but does not show them on the list: check both there, then replay.",
    "not_removed": "Klaviyo still shows the person on the list: check the list there, then replay.",
    "bad_request": "Klaviyo refused the person without a code; the letter contains its message: correct the CDP; "
    f"{_NEXT}.",
    "crashed_worker": "Workers died on the batch: find the cause in their log (most often memory), then replay.",
    "erasure_needs_a_look": "The profiles found may belong to somebody else: check them in Klaviyo, then confirm "
    "that they are the person's, or purge the letter to keep them.",
    "event_too_large": f"The event is larger than Klaviyo accepts: {_ANEW}.",
    "gave_up": "Klaviyo failed repeatedly; the letter contains its last answer: replay when it works again.",
    "global_unsubscribe_not_allowed": "The unsubscribe names no list, so it is from everything: map a list and send it "
    "again, or set `allow_global_unsubscribe` for the connection and replay.",
    "identity_clash": "E-mail, phone number and id belong to different profiles: merge them in Klaviyo, then replay.",
    "import_failed": f"Klaviyo could not import the person; the letter contains its message: correct the CDP; {_NEXT}.",
    "import_unconfirmed": "Klaviyo's import had errors that name nobody in it: replay; a repeated import is harmless.",
    "list_gone": "The list no longer exists: restore it in Klaviyo or name another, then replay.",
    "list_refused": "Klaviyo refuses the list: check it there or name another, then replay.",
    "mapping_failed": "A defect in Ferry: report it; replay with the version that corrects it.",
    "order_unreadable": "A newer version of Ferry accepted the snapshot: start workers of that version, then replay.",
    "profile_too_large": _TOO_LARGE,
    "profile_unknown": "Klaviyo has no profile with this id, and Ferry has deleted its data about the person: find the "
    "profile in Klaviyo and delete it by hand.",
    "snapshot_endless": "No worker finished the snapshot: split the audience or send fewer attributes.",
    "snapshot_gone": "The body of the snapshot no longer exists: send it again.",
    "snapshot_unreadable": "The snapshot cannot be read: correct the file as `ferry syncs` says, and send it again.",
    "too_large": _TOO_LARGE,
    "url_too_long": f"The person's identifiers are longer than Klaviyo accepts: correct them in the CDP; {_NEXT}.",
}
#: For Klaviyo's own reasons, which it does not list.
_OF_KLAVIYO: Final = (
    f"Klaviyo's own code; the letter contains its message: correct the cause in the CDP, and {_NEXT}; or in Klaviyo, "
    "then replay."
)


def meaning(reason: str) -> str:
    """Return one sentence for an operator, without personal data."""
    return _MEANING.get(reason, _OF_KLAVIYO)


#: Reason -> where its cause is corrected; for all others that is the CDP.
_FIXED_IN: Final = {
    **dict.fromkeys(("malformed", "no_identity", "snapshot_endless", "snapshot_gone", "snapshot_unreadable"), "Sender"),
    **dict.fromkeys(("merged_profile", "not_on_list", "not_removed", "erasure_needs_a_look"), "Klaviyo"),
    **dict.fromkeys(("identity_clash", "list_gone", "list_refused", "profile_unknown", "gave_up"), "Klaviyo"),
    **dict.fromkeys(("source_unknown", "crashed_worker", "mapping_failed", "order_unreadable"), "Ferry"),
    **dict.fromkeys(("phone_invalid", "identifier_blocked", "global_unsubscribe_not_allowed"), "CDP or settings"),
    "import_unconfirmed": "",
}


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do about a reason. `fix_in`: where, empty if nothing needs a correction. `replay`: when one helps."""

    cause: str
    what_to_do: str
    fix_in: str
    replay: Literal["now", "later", "never"]


def remedy(reason: str) -> Remedy:
    """Return the meaning of a reason in its parts."""
    cause, _, what_to_do = meaning(reason).partition(": ")
    fix_in = _FIXED_IN.get(reason, "CDP" if reason in _MEANING else "CDP or Klaviyo")
    # A sentence names the replay where one helps.
    later: Literal["later", "never"] = "later" if "replay" in what_to_do else "never"
    return Remedy(cause, what_to_do[:1].upper() + what_to_do[1:], fix_in, later if fix_in else "now")
