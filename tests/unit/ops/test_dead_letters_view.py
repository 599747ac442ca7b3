from __future__ import annotations

import io
from dataclasses import replace

import msgspec
import pytest
from msgspec.structs import asdict
from rich.console import Console

from ops.dead_letters.view import LISTED, LetterDocument, listing, summary, traceable, whole
from queues.change import Body, Change
from queues.dead_letters import DeadLetter
from queues.names import Queue
from tests.support.ops import VIPS

NOW = 1_767_225_600_000
DETAIL = {"detail": "ann@example.com is not valid", "pointer": "/data/3", "error_id": "e-1", "status": 400}


def letter(number: int = 0, reason: str = "invalid", attempts: int = 2, **detail: str) -> DeadLetter:
    body = Body("add", NOW - 60_000, "changes", "m-1", msgspec.Raw(b'{"email":"ann@example.com"}'))
    change = Change(("k" * 16,), NOW - 50_000, body)
    return DeadLetter(f"{NOW - 3_600_000}-{number}", VIPS, reason, DETAIL | detail, NOW - 40_000, attempts, change)


def printed(*letters: DeadLetter) -> str:
    out = io.StringIO()
    Console(file=out, width=80).print(listing([summary(each, "VIPs") for each in letters], NOW))
    return out.getvalue()


def printed_json(letter: LetterDocument) -> str:
    return msgspec.json.encode(letter).decode()


def test_a_summary_holds_places_and_ids_and_nothing_of_the_person() -> None:
    told = summary(letter(), "VIPs")
    assert told.where == {"pointer": "/data/3", "error_id": "e-1"}
    assert (told.died_at, told.attempts, told.action) == ("2025-12-31T23:00:00.000Z", 2, "add")
    assert "ann@" not in printed_json(traceable(letter(), "VIPs"))


@pytest.mark.parametrize(
    ("pointer", "shown"),
    [
        ("/data/attributes/profiles/data/9999/attributes/email", None),
        ("/data/attributes/profiles/data/3/attributes/location/zip", None),
        ("/data/relationships/lists/data/0", None),
        ("/data/attributes/properties/ann@example.com", "/data/attributes/properties/..."),
        ("/data/attributes/ann@example.com/email", "/data/attributes/..."),
        ("/data/14155552671", "/data/..."),
        ("/data/attributes/14155", "/data/attributes/..."),
        ("/data/3\n", "/data/..."),
        ("/emails", "/..."),
        ("ann@example.com", "/..."),
    ],
)
def test_of_klaviyos_pointer_only_places_of_its_api_are_shown(pointer: str, shown: str | None) -> None:
    told = summary(letter(pointer=pointer), "VIPs")
    assert told.where["pointer"] == (shown or pointer)
    assert asdict(whole(letter(pointer=pointer), "VIPs"))["detail"]["pointer"] == pointer


def test_the_whole_letter_has_the_person_and_what_was_said() -> None:
    told = whole(letter(), "VIPs")
    assert told.person == {"email": "ann@example.com"}
    assert told.detail == DETAIL
    assert told.message == "m-1"


def test_a_message_whose_sender_named_it_after_a_person_has_its_name_in_the_whole_letter_alone() -> None:
    found = letter()
    body = Body("add", NOW - 60_000, "changes", "order of ann@example.com", found.change.body.person)
    found = replace(found, change=Change(found.change.keys, found.change.accepted_at, body))
    assert "ann@" not in printed_json(traceable(found, "VIPs"))
    assert str(traceable(found, "VIPs").message).startswith("hash-")
    assert whole(found, "VIPs").message == "order of ann@example.com"


def test_the_list_shows_letters_with_their_age_and_counts_reasons() -> None:
    text = printed(letter(0), letter(1), letter(2, "no_email"))
    assert f"{NOW - 3_600_000}-2" in text
    assert "1\u00a0h\u00a00\u00a0min ago" in text
    assert "\n3 dead letters: 2 invalid, 1 no_email.\n" in text
    assert text.index("invalid: Klaviyo's own code") < text.index("no_email: The person has no e-mail")
    assert "ann@" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_queue_and_a_reason_stand_in_one_piece_in_eighty_columns() -> None:
    consents = Queue("mparticle-1001", "consent", "consents")
    out = io.StringIO()
    refused = replace(letter(0, "global_unsubscribe_not_allowed", attempts=0), queue=consents)
    Console(file=out, width=80).print(listing([summary(refused, "")], NOW))
    first, second = out.getvalue().splitlines()[1:3]
    assert first.split() == ["(consent)", "global_unsubscribe_not_allowed", "1", "h", "0", "min", "ago"]
    assert second.split() == [refused.id, "mparticle-1001/consent/consents"]


def test_the_tries_that_failed_are_told() -> None:
    assert "after 2 failed attempts" in printed(letter())
    assert "failed tr" not in printed(letter(attempts=0))


def test_a_long_list_shows_the_newest_and_says_so() -> None:
    text = printed(*(letter(number) for number in range(LISTED + 1)))
    assert f"-{LISTED}  " in text
    assert "-0  " not in text
    assert f"The {LISTED} newest are shown, 1 more with --limit or --json." in " ".join(text.split())


def test_no_letters_is_said_in_words() -> None:
    assert printed() == "No dead letters.\n"
