"""One spelling of an address: what of it does not count, and what does."""

from __future__ import annotations

import sys
import unicodedata
from functools import cache
from itertools import permutations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mappings.errors import Reason, Unfit
from mappings.identifiers import canonical_email, first_email, is_email

#: Of category Cf and yet seen: number signs and their like, which stand before digits (Unicode:
#: Prepended_Concatenation_Mark), and joiners of hieroglyphs.
_SEEN = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, *range(0x13430, 0x13440)}
#: Not of category Cf: fillers, selectors of variants, and what Unicode keeps free for more of them.
_BLANK = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2065, 0x3164, 0xFFA0}
_BLANK |= {*range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000)}


@cache
def _unseen() -> frozenset[str]:
    """All characters that nobody sees: found when a test asks, for looking at each of Unicode takes long."""
    form = {i for i in range(sys.maxunicode + 1) if unicodedata.category(chr(i)) == "Cf"}
    return frozenset(map(chr, form - _SEEN | _BLANK))


_UNSEEN = st.deferred(lambda: st.sampled_from(sorted(_unseen())))
_ASCII = st.text(st.characters(codec="ascii"), max_size=20)
_NAMES = st.text("abcXYZ019.+-_", min_size=1, max_size=8)
_ANY_DOMAIN = st.lists(st.text(max_size=6), max_size=4).map(".".join)
#: Letters of Europe, of East Asia, and those that look like others.
_LETTERS = st.text(
    st.characters(min_codepoint=0xC0, max_codepoint=0x52F, categories=["L"])
    | st.characters(min_codepoint=0x3041, max_codepoint=0x30FF, categories=["L"])
    | st.characters(min_codepoint=0x2100, max_codepoint=0x214F)
    | st.characters(min_codepoint=0xFF01, max_codepoint=0xFF5E)
    | st.sampled_from("abc-1"),
    min_size=1,
    max_size=5,
)
_ADDRESSES = st.builds("{}@{}".format, st.text(max_size=6), _ANY_DOMAIN | _NAMES) | st.text()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Jane@Example.COM", "jane@example.com"),
        (" \t jane@example.com\n", "jane@example.com"),
        ("\u00a0jane@example.com\u3000", "jane@example.com"),
        ("info@müller.de", "info@xn--mller-kva.de"),
        ("Info@MÜLLER.de", "info@xn--mller-kva.de"),
        ("info@mu\u0308ller.de", "info@xn--mller-kva.de"),
        ("a@straße.de", "a@xn--strae-oqa.de"),
        ("a@faß.de", "a@xn--fa-hia.de"),
        ("a@пример.рф", "a@xn--e1afmkfd.xn--p1ai"),
        ("a@例え.jp", "a@xn--r8jz45g.jp"),
        ("a@例え。jp", "a@xn--r8jz45g.jp"),
        ("a@example\uff0ecom", "a@example.com"),
        ("a@example\uff61com", "a@example.com"),
        ("a@ｅｘａｍｐｌｅ.com", "a@example.com"),  # noqa: RUF001  # it is about them
        ("a@xn--mller-kva.DE", "a@xn--mller-kva.de"),
        ("\ufeffann@example.com", "ann@example.com"),
        ("ann@example.com\u200b", "ann@example.com"),
        ("\u200b ann@example.com \ufeff", "ann@example.com"),
        ("an\u00adn@exam\u00adple.com", "ann@example.com"),
        ("\u202aann@example.com\u202c", "ann@example.com"),
        ("ann@exam\u200dple.com", "ann@example.com"),
        ("ann@müller.de\u200d ", "ann@xn--mller-kva.de"),
        ("\u200b\ufeff", ""),
        ("  ", ""),
        ("", ""),
    ],
)
def test_an_address_has_one_spelling(given: str, expected: str) -> None:
    assert canonical_email(given) == expected


def test_what_nobody_sees_does_not_count() -> None:
    disguised = {canonical_email(f"{c}ann{c}e@exam{c}ple.com{c}") for c in _unseen()}
    assert len(_unseen()) > 4_000
    assert disguised == {"anne@example.com"}


@pytest.mark.parametrize("seen", ["\u0600", "\u06dd", "\u110bd", "\u2800", "\u00b7", "\u0301"])
def test_what_is_seen_is_not_removed(seen: str) -> None:
    for address in (f"a{seen}nn@example.com", f"ann@example.com{seen}"):
        assert canonical_email(address) != "ann@example.com"
        assert canonical_email(f"ann{seen}@example.com") == f"ann{seen}@example.com"


def test_a_joiner_stays_in_a_domain_where_it_makes_another() -> None:
    """UTS 46, section 7: the Persian one is an example there."""
    persian = "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc"
    assert canonical_email(f"a@{persian}.com") == "a@xn--mgba3gch31f060k.com"
    assert canonical_email("a@" + persian.replace("\u200c", "") + ".com") == "a@xn--mgba3gch31f.com"


@pytest.mark.parametrize(
    "address",
    [
        "jörg@example.com",
        "jörg@müller.de",
        "\u212aate@example.com",  # Kelvin sign: not a k
        "\u017fam@example.com",  # long s: not an s
        "ann\uff20example.com",
        "ann\uff20example.com@müller.de",
        "ann@müller.de\uff20example.com",
        "ann@example.com\uff20evil.de",
        "ann@ müller.de",
        "ann@müller.de.",
        "ann@müller..de",
        "ann@mül_ler.de",
        "ann@-müller.de",
        "ann@müller\uff0fexample.com",
        "ann@\u2100.com",
        "ann@xn--zzzz.müller.de",
        "ann@i❤.ws",
        f"ann@{'ü' * 70}.de",
        "müller",
        "@müller.de",
    ],
)
def test_what_no_mail_reaches_stays_invalid(address: str) -> None:
    assert not is_email(canonical_email(address))
    with pytest.raises(Unfit) as caught:
        first_email([address])
    assert caught.value.reason is Reason.EMAIL_INVALID


def test_the_local_part_is_not_converted() -> None:
    assert canonical_email("JÖRG@müller.de") == "jÖrg@xn--mller-kva.de"


def test_a_domain_that_may_not_be_registered_stays_as_it_is() -> None:
    assert canonical_email("Ann@I❤.WS") == "ann@i❤.ws"


@given(_ADDRESSES)
@example("a@ü.de \u200c")
@example("a@\u212a.com")
def test_the_spelling_of_a_spelling_is_itself(address: str) -> None:
    assert canonical_email(canonical_email(address)) == canonical_email(address)


@given(_ASCII)
def test_an_ascii_address_changes_its_case_and_loses_blanks_around_it_and_nothing_else(address: str) -> None:
    assert canonical_email(address) == address.strip().encode().lower().decode()


@given(_ASCII, _ASCII, st.lists(st.tuples(st.integers(0, 20), _UNSEEN), max_size=4))
def test_two_ascii_addresses_become_one_only_by_case_blanks_and_what_nobody_sees(
    one: str, other: str, unseen: list[tuple[int, str]]
) -> None:
    disguised = other
    for place, char in unseen:
        disguised = f"{disguised[:place]}{char}{disguised[place:]}"
    same = one.strip().encode().lower() == other.strip().encode().lower()
    assert (canonical_email(one) == canonical_email(disguised)) == same


@given(st.text(min_size=1, max_size=6), st.sampled_from(["example.com", "müller.de", "xn--mller-kva.de"]))
def test_a_local_part_that_is_not_ascii_never_becomes_one_that_is(local: str, domain: str) -> None:
    assume(not _visible(local).isascii())
    assert not is_email(canonical_email(f"{local}@{domain}"))


@given(_LETTERS | st.text(max_size=4), st.sampled_from([".", "\u3002", "\uff0e", "\uff61"]), _LETTERS)
@example("a\uff20b", ".", "com")
@example("b.com\uff0fa", ".", "com")
@example("\u2100", ".", "com")
@example("\u212a", ".", "com")
def test_a_converted_domain_is_the_one_that_was_given(label: str, dot: str, last: str) -> None:
    """The oracle: what the domain looks like (NFKC, case apart) is what the punycode stands for."""
    found = canonical_email(f"a@{label}{dot}{last}")
    if is_email(found):
        shown = ".".join(_unpacked(each) for each in found.removeprefix("a@").split("."))
        assert _look(shown) == _look(f"{label}.{last}")


def _unpacked(label: str) -> str:
    return label.removeprefix("xn--").encode().decode("punycode") if label.startswith("xn--") else label


def _look(domain: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _visible(domain)).casefold())


def _visible(text: str) -> str:
    unseen = _unseen()
    return "".join(c for c in text if c not in unseen).strip()


def test_two_domains_stay_two() -> None:
    domains = [
        "straße.de",
        "strasse.de",
        "müller.de",
        "muller.de",
        "mueller.de",
        "xn--mller-kva.com",
        "\u0131.com",
        "i.com",
    ]
    for one, other in permutations(domains, 2):
        assert canonical_email(f"a@{one}") != canonical_email(f"a@{other}")


def test_the_first_valid_address_is_taken_in_its_canonical_form() -> None:
    assert first_email(["nobody", " Jane@MÜLLER.de", "doe@example.com"]) == "jane@xn--mller-kva.de"
