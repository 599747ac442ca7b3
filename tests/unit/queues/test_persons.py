"""Whose a change is, by its person keys."""

from __future__ import annotations

from queues.change import carrying, names, whose


def test_the_first_key_says_whose_a_change_is() -> None:
    ours = whose(["ann", "a phone"])
    assert [ours(keys) for keys in (("ann", "a phone"), ("bob", "a phone"), ("a phone",))] == [True, False, True]


def test_who_asks_for_an_identifier_is_shown_everybody_who_has_it() -> None:
    ours = carrying(["ann", "17"])
    assert [ours(keys) for keys in (("ann",), ("bob", "17"), ("bob", "18"))] == [True, True, False]


def test_an_e_mail_leads_to_what_it_was_sent_with_and_not_to_others_who_share_that() -> None:
    carried = [("ann", "c-1", "phone"), ("ann", "c-2")]
    assert names(["ann"], carried) == {"ann", "c-1", "c-2", "phone"}


def test_a_shared_identifier_leads_to_the_names_of_those_who_have_it_and_no_further() -> None:
    assert names(["phone"], [("mum", "phone", "c-1"), ("kid", "phone", "c-2")]) == {"phone", "mum", "kid"}
