"""What each reason of a dead letter means and what to do, the same for commands and pages. Pure.

A replay sends what the CDP sent, by the settings as they are now: it helps where settings, Klaviyo or Ferry were
corrected. What is wrong in the CDP comes right with a new change.
"""

from __future__ import annotations

from typing import Final

_NEXT: Final = "the person's next change brings it"
_ANEW: Final = "correct the sender or its mapping, and send the event anew"
_TOO_LARGE: Final = f"Larger than what Klaviyo takes: let the CDP send fewer or shorter attributes; {_NEXT}."
#: Reason -> one sentence.
_MEANING: Final = {
    # Of the intake: the message was accepted, and this part of it could not be read.
    "malformed": "This part of the message is not in the sender's format: correct the sender, and send it anew.",
    "no_identity": "The message names nobody: have the sender give an e-mail, phone number or id, and send it anew.",
    "list_unknown": "Neither the action nor the message names a list: set `list_id` in Segment, and send it anew.",
    # Of the mapping (mappings/errors.py).
    "fragment_unreadable": "What the CDP sent of the person is not in its format: correct the mapping there.",
    "source_unknown": "A newer version of Ferry accepted it: start workers of that version, then replay.",
    "no_email": f"The person has no e-mail: have the CDP share it with Ferry; {_NEXT}.",
    "no_identifier": f"The person has no e-mail, phone number or id: map one in the CDP; {_NEXT}.",
    "email_hashed": f"The e-mail came as a hash, and Klaviyo takes none: let the CDP send it raw; {_NEXT}.",
    "phone_hashed": f"The phone number came as a hash, and Klaviyo takes none: let the CDP send it raw; {_NEXT}.",
    "external_id_hashed": f"The external id came as a hash, and Klaviyo takes none: let the CDP send it raw; {_NEXT}.",
    "email_invalid": f"The e-mail is not one that Klaviyo takes: correct it in the CDP; {_NEXT}.",
    "phone_invalid": f"The phone number is none, or lacks its country: correct it in the CDP, and {_NEXT}; or set "
    "`default_country` for the connection and replay.",
    "external_id_invalid": f"The external id is not one that Klaviyo takes: correct it in the CDP; {_NEXT}.",
    "external_id_too_long": f"The external id is longer than Klaviyo takes: correct it in the CDP; {_NEXT}.",
    "anonymous_id_invalid": f"The anonymous id is not one that Klaviyo takes: {_ANEW}.",
    "attribute_too_large": _TOO_LARGE,
    "metric_missing": f"The event has no name: {_ANEW}.",
    "metric_too_long": f"The event's name is longer than Klaviyo takes: {_ANEW}.",
    "properties_invalid": f"The event's properties are no JSON object: {_ANEW}.",
    "properties_too_many": f"The event has more properties than Klaviyo takes: {_ANEW}.",
    "time_invalid": f"The time is none, or one that Klaviyo does not take: {_ANEW}.",
    "unique_id_invalid": f"The event's `unique_id` is neither text nor a whole number: {_ANEW}.",
    # Of the delivery (worker/delivery_metrics.py).
    "ambiguous_person": "The id stands for several current e-mails: have the CDP send the e-mail with it, then replay.",
    "identifier_blocked": "What is to identify the person identifies nobody (null, 0 ...): have the CDP send an "
    "e-mail; or, if it is one of `blocked_identifiers`, take it off that list and replay.",
    "identifier_shared": "The values that came are shared by too many people: have the CDP send an e-mail with them.",
    "merged_profile": "Klaviyo merged the person's profile with another one: look at that profile there, then replay.",
    "not_on_list": "Klaviyo imported the person and does not show them on the list: look at both there, then replay.",
    "not_removed": "Klaviyo shows the person on the list still: look at the list there, then replay.",
    "bad_request": f"Klaviyo refused the person without a code; the letter holds its words: correct the CDP; {_NEXT}.",
    "crashed_worker": "Workers died over the batch: find out why (memory, most often) in their log, then replay.",
    "erasure_needs_a_look": "Profiles were found that may be somebody else's: look at them in Klaviyo, then confirm "
    "that they are the person's, or purge the letter to leave them.",
    "event_too_large": f"The event is larger than Klaviyo takes: {_ANEW}.",
    "gave_up": "Klaviyo failed again and again; the letter holds its last answer: replay once it works.",
    "global_unsubscribe_not_allowed": "The unsubscribe names no list, so it is from everything: map a list and send it "
    "anew, or set `allow_global_unsubscribe` for the connection and replay.",
    "identity_clash": "E-mail, phone number and id belong to different profiles: merge them in Klaviyo, then replay.",
    "import_failed": f"Klaviyo could not import the person; the letter holds its words: correct the CDP; {_NEXT}.",
    "import_unconfirmed": "Klaviyo's import had errors that name nobody in it: replay; the same twice does no harm.",
    "list_gone": "The list is not there any more: restore it in Klaviyo or name another, then replay.",
    "list_refused": "Klaviyo refuses the list: look at it there or name another, then replay.",
    "mapping_failed": "A defect of Ferry's: report it; replay with the version that corrects it.",
    "order_unreadable": "A newer version of Ferry accepted the snapshot: start workers of that version, then replay.",
    "profile_too_large": _TOO_LARGE,
    "profile_unknown": "Klaviyo knows no profile with this id, and Ferry has forgotten the person: find the "
    "profile in Klaviyo and delete it by hand.",
    "snapshot_endless": "No worker got through the snapshot: split the audience or send fewer attributes.",
    "snapshot_gone": "The body of the snapshot is not there any more: send it anew.",
    "snapshot_unreadable": "The snapshot cannot be read: correct the file as `ferry syncs` says, and send it anew.",
    "too_large": _TOO_LARGE,
    "url_too_long": f"What identifies the person is longer than Klaviyo takes: correct it in the CDP; {_NEXT}.",
}
#: Of a reason of Klaviyo's own, of which there is no list.
_OF_KLAVIYO: Final = (
    f"Klaviyo's own code; the letter holds its words: correct what they name in the CDP, and {_NEXT}; or in Klaviyo, "
    "then replay."
)


def meaning(reason: str) -> str:
    """One sentence for an operator; nothing of a person."""
    return _MEANING.get(reason, _OF_KLAVIYO)
