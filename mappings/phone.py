"""Normalises and validates phone numbers as Klaviyo takes them, and finds the country whose numbering plan applies.

Klaviyo takes E.164 numbers that are valid by area and country code (mParticle: Klaviyo audience page). Countries are
those of ISO 3166-1, and Kosovo.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import phonenumbers
from phonenumbers import CountryCodeSource, PhoneNumber

from mappings import numbering
from mappings.errors import Reason, Unfit

#: Entries are separated by `;`, the names in an entry by `|`; the first is the short name.
COUNTRIES: Final = """
AD AND Andorra; AE ARE United Arab Emirates|Emirates|UAE; AF AFG Afghanistan; AG ATG Antigua and Barbuda|Antigua;
AI AIA Anguilla; AL ALB Albania; AM ARM Armenia; AO AGO Angola; AQ ATA Antarctica; AR ARG Argentina;
AS ASM American Samoa|Samoa (American); AT AUT Austria; AU AUS Australia; AW ABW Aruba;
AX ALA Åland Islands|Åland; AZ AZE Azerbaijan; BA BIH Bosnia and Herzegovina|Bosnia; BB BRB Barbados;
BD BGD Bangladesh; BE BEL Belgium; BF BFA Burkina Faso; BG BGR Bulgaria; BH BHR Bahrain; BI BDI Burundi;
BJ BEN Benin; BL BLM Saint Barthélemy|Saint Barts|St Barthélemy; BM BMU Bermuda;
BN BRN Brunei Darussalam|Brunei; BO BOL Bolivia|Bolivia, Plurinational State of;
BQ BES Bonaire, Sint Eustatius and Saba|Caribbean Netherlands|Bonaire; BR BRA Brazil; BS BHS Bahamas;
BT BTN Bhutan; BV BVT Bouvet Island; BW BWA Botswana; BY BLR Belarus; BZ BLZ Belize; CA CAN Canada;
CC CCK Cocos (Keeling) Islands|Cocos Islands; CF CAF Central African Republic;
CD COD Congo, The Democratic Republic of the|Democratic Republic of the Congo|DR Congo|DRC|Congo Kinshasa;
CG COG Congo|Republic of the Congo|Congo Brazzaville; CH CHE Switzerland; CI CIV Côte d'Ivoire|Ivory Coast;
CK COK Cook Islands; CL CHL Chile; CM CMR Cameroon; CN CHN China|People's Republic of China|PRC|Mainland China;
CO COL Colombia; CR CRI Costa Rica; CU CUB Cuba; CV CPV Cabo Verde|Cape Verde; CW CUW Curaçao;
CX CXR Christmas Island; CY CYP Cyprus; CZ CZE Czechia|Czech Republic;
DE DEU Germany|Federal Republic of Germany; DJ DJI Djibouti; DK DNK Denmark; DM DMA Dominica;
DO DOM Dominican Republic; DZ DZA Algeria; EC ECU Ecuador; EE EST Estonia; EG EGY Egypt;
EH ESH Western Sahara; ER ERI Eritrea; ES ESP Spain; ET ETH Ethiopia; FI FIN Finland; FJ FJI Fiji;
FK FLK Falkland Islands|Falkland Islands (Malvinas)|Malvinas|Falklands;
FM FSM Micronesia, Federated States of|Federated States of Micronesia|Micronesia; FO FRO Faroe Islands|Faroes;
FR FRA France; GA GAB Gabon;
GB GBR United Kingdom|UK|Great Britain|Britain|England|Scotland|Wales|Northern Ireland
|United Kingdom of Great Britain and Northern Ireland; GD GRD Grenada; GE GEO Georgia; GF GUF French Guiana;
GG GGY Guernsey; GH GHA Ghana; GI GIB Gibraltar; GL GRL Greenland; GM GMB Gambia; GN GIN Guinea;
GP GLP Guadeloupe; GQ GNQ Equatorial Guinea; GR GRC Greece|Hellas|EL;
GS SGS South Georgia and the South Sandwich Islands|South Georgia; GT GTM Guatemala; GU GUM Guam;
GW GNB Guinea-Bissau; GY GUY Guyana; HK HKG Hong Kong|Hong Kong SAR|Hong Kong SAR China;
HM HMD Heard Island and McDonald Islands; HN HND Honduras; HR HRV Croatia; HT HTI Haiti; HU HUN Hungary;
ID IDN Indonesia; IE IRL Ireland|Republic of Ireland|Eire; IL ISR Israel; IM IMN Isle of Man; IN IND India;
IO IOT British Indian Ocean Territory; IQ IRQ Iraq; IR IRN Iran|Iran, Islamic Republic of|Islamic Republic of Iran;
IS ISL Iceland; IT ITA Italy; JE JEY Jersey; JM JAM Jamaica; JO JOR Jordan; JP JPN Japan; KE KEN Kenya;
KG KGZ Kyrgyzstan|Kyrgyz Republic; KH KHM Cambodia; KI KIR Kiribati; KM COM Comoros;
KN KNA Saint Kitts and Nevis|St Kitts and Nevis;
KP PRK North Korea|Korea, Democratic People's Republic of|Democratic People's Republic of Korea|DPRK;
KR KOR South Korea|Korea, Republic of|Republic of Korea|Korea|ROK; KW KWT Kuwait; KY CYM Cayman Islands;
KZ KAZ Kazakhstan; LA LAO Laos|Lao People's Democratic Republic|Lao PDR; LB LBN Lebanon;
LC LCA Saint Lucia|St Lucia; LI LIE Liechtenstein; LK LKA Sri Lanka; LR LBR Liberia; LS LSO Lesotho;
LT LTU Lithuania; LU LUX Luxembourg; LV LVA Latvia; LY LBY Libya; MA MAR Morocco; MC MCO Monaco;
MD MDA Moldova|Moldova, Republic of|Republic of Moldova; ME MNE Montenegro;
MF MAF Saint Martin (French part)|Saint Martin|St Martin; MG MDG Madagascar; MH MHL Marshall Islands;
MK MKD North Macedonia|Macedonia|Republic of North Macedonia|FYROM; ML MLI Mali; MM MMR Myanmar|Burma;
MN MNG Mongolia; MO MAC Macao|Macau|Macao SAR|Macao SAR China; MP MNP Northern Mariana Islands;
MQ MTQ Martinique; MR MRT Mauritania; MS MSR Montserrat; MT MLT Malta; MU MUS Mauritius; MV MDV Maldives;
MW MWI Malawi; MX MEX Mexico; MY MYS Malaysia; MZ MOZ Mozambique; NA NAM Namibia; NC NCL New Caledonia;
NE NER Niger; NF NFK Norfolk Island; NG NGA Nigeria; NI NIC Nicaragua;
NL NLD Netherlands|Holland|Kingdom of the Netherlands|Netherlands, Kingdom of the; NO NOR Norway; NP NPL Nepal;
NR NRU Nauru; NU NIU Niue; NZ NZL New Zealand|Aotearoa; OM OMN Oman; PA PAN Panama; PE PER Peru;
PF PYF French Polynesia|Tahiti; PG PNG Papua New Guinea; PH PHL Philippines; PK PAK Pakistan; PL POL Poland;
PM SPM Saint Pierre and Miquelon|St Pierre and Miquelon; PN PCN Pitcairn|Pitcairn Islands; PR PRI Puerto Rico;
PS PSE Palestine|Palestine, State of|State of Palestine|Palestinian Territories; PT PRT Portugal; PW PLW Palau;
PY PRY Paraguay; QA QAT Qatar; RE REU Réunion; RO ROU Romania; RS SRB Serbia;
RU RUS Russian Federation|Russia; RW RWA Rwanda; SA SAU Saudi Arabia|Kingdom of Saudi Arabia|KSA;
SB SLB Solomon Islands; SC SYC Seychelles; SD SDN Sudan; SE SWE Sweden; SG SGP Singapore;
SH SHN Saint Helena, Ascension and Tristan da Cunha|Saint Helena|St Helena; SI SVN Slovenia;
SJ SJM Svalbard and Jan Mayen|Svalbard; SK SVK Slovakia|Slovak Republic; SL SLE Sierra Leone; SM SMR San Marino;
SN SEN Senegal; SO SOM Somalia; SR SUR Suriname; SS SSD South Sudan;
ST STP São Tomé and Príncipe; SV SLV El Salvador; SX SXM Sint Maarten (Dutch part)|Sint Maarten;
SY SYR Syria|Syrian Arab Republic; SZ SWZ Eswatini|Swaziland; TC TCA Turks and Caicos Islands|Turks and Caicos;
TD TCD Chad; TF ATF French Southern Territories; TG TGO Togo; TH THA Thailand; TJ TJK Tajikistan;
TK TKL Tokelau; TL TLS Timor-Leste|East Timor; TM TKM Turkmenistan; TN TUN Tunisia; TO TON Tonga;
TR TUR Türkiye|Turkey; TT TTO Trinidad and Tobago|Trinidad; TV TUV Tuvalu;
TW TWN Taiwan|Taiwan, Province of China|Republic of China; TZ TZA Tanzania|Tanzania, United Republic of
|United Republic of Tanzania; UA UKR Ukraine; UG UGA Uganda;
UM UMI United States Minor Outlying Islands|US Minor Outlying Islands;
US USA United States|United States of America|America; UY URY Uruguay; UZ UZB Uzbekistan;
VA VAT Holy See (Vatican City State)|Vatican City|Vatican|Holy See;
VC VCT Saint Vincent and the Grenadines|St Vincent and the Grenadines|Saint Vincent;
VE VEN Venezuela|Venezuela, Bolivarian Republic of; VG VGB British Virgin Islands|Virgin Islands, British;
VI VIR US Virgin Islands|Virgin Islands, U.S.|United States Virgin Islands; VN VNM Vietnam|Viet Nam;
VU VUT Vanuatu; WF WLF Wallis and Futuna; WS WSM Samoa; XK XKX Kosovo|XKK; YE YEM Yemen; YT MYT Mayotte;
ZA ZAF South Africa|RSA; ZM ZMB Zambia; ZW ZWE Zimbabwe
"""
_SMALL_WORDS = {"the", "and", "of"}
_CACHED = 4_096
#: Characters of a text that may be a country: twice the longest name, for those who write it with more words.
_LONGEST = 100
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
#: A number that begins with a country code and may contain separators.
_INTERNATIONAL: Final = re.compile(r"\s*\+[\d\s().-]+", re.ASCII)
#: A number without a country code, with the separators of most people.
_AT_HOME: Final = re.compile(r"[\d ().-]+", re.ASCII)
#: A number that a program has written as a fraction. No phone number ends so, and the zero would make it another one.
_FRACTION: Final = re.compile(r"(\s*\+?\d+)\.0+\s*", re.ASCII)
_SIGNS: Final = str.maketrans("", "", " ().-\t\r\n\f\v")
#: The prefixes that Mexican mobile numbers (ten digits) had until 2019, for calls from abroad and from within the
#: country. Address books still contain them, and the library considers such numbers invalid.
_FROM_ABROAD: Final = re.compile(r"1([1-9]\d{9})", re.ASCII)
_FROM_WITHIN: Final = re.compile(r"04[45]([1-9]\d{9})", re.ASCII)
#: Territories without their own numbering plan, and the region whose plan they use (ITU: E.164 codes).
_PLANS: Final = {"AQ": "NF", "BV": "NO", "GS": "FK", "HM": "NF", "PN": "NZ", "TF": "RE", "UM": "US"}


def _folded(text: str) -> str:
    """Return the letters in lower case, without accents and small words: `Côte d'Ivoire` becomes `cotedivoire`."""
    decomposed = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z ]", "", decomposed.replace("-", " ")).split()
    # A single word is always kept: Andorra's alpha-3 code is AND.
    return "".join(word for word in words if word not in _SMALL_WORDS or len(words) == 1)


def _names() -> Iterator[tuple[str, str]]:
    for entry in COUNTRIES.split(";"):
        code, alpha3, names = entry.split(maxsplit=2)
        for name in (code, alpha3, *names.split("|")):
            yield _folded(name), code


_BY_NAME = dict(_names())


@lru_cache(maxsize=_CACHED)
def _lookup(text: str) -> str | None:
    return _BY_NAME.get(_folded(text))


def alpha2(text: Any) -> str | None:
    """Return the alpha-2 code for an alpha-2 code, an alpha-3 code or an English name in any case; None if unknown."""
    return _lookup(text) if isinstance(text, str) and len(text) <= _LONGEST else None


class Phones(NamedTuple):
    """A person's phone numbers in order of preference, and what tells the region of those without a country code.

    `country`: of the person, as given. `default`: the alpha-2 region of a person without a country.
    """

    numbers: Sequence[str]
    country: object
    default: str | None = None


def first_valid(phones: Phones) -> str:
    """Return the first valid number as E.164; raises Unfit(phone_invalid) when there is none."""
    for number in phones.numbers:
        e164 = of_person(number, phones.country, phones.default)
        if e164 is not None:
            return e164
    raise Unfit(Reason.PHONE_INVALID)


def of_person(number: str, country: object, default: str | None) -> str | None:
    """Return a number of a person in that country as E.164, or None if it is not valid. `default`: see `region_of`."""
    if numbering.is_usual(number):
        return number
    return to_e164(number, region_of(country, default))


def region_of(name: object, default: str | None) -> str | None:
    """Return the alpha-2 region for reading the phone numbers of a person in that country; `default` without a country.

    An unknown country gives None: by the wrong numbering plan, the number would be another person's.
    """
    named = name.strip() if isinstance(name, str) else name
    if not named:
        return default
    region = alpha2(named)
    return _PLANS.get(region, region) if region else None


def to_e164(number: str, region: str | None) -> str | None:
    """Return `number` as E.164, or None if it is not valid; `region` applies only to numbers without a country code."""
    number = _whole(number)
    if e164 := _international(number):
        code, national = numbering.apart(e164)
        if numbering.is_as_dialled(code, national):
            return e164 if numbering.is_valid(code, national) else None
        # A leading zero may be part of the number (Italy) or a mistake (+44 0...); only the parser can decide.
        if number == e164 and code and not national.startswith("0") and numbering.is_valid(code, national):
            return number
    elif region and (read := _at_home(number, region)):
        return read
    try:
        parsed = _parsed(number, region)
    except phonenumbers.NumberParseException:
        return None
    known, national = parsed.country_code, phonenumbers.national_significant_number(parsed)
    return f"+{known}{national}" if known and numbering.is_valid(known, national) else None


def _whole(number: str) -> str:
    """Return `4930901820` for `4930901820.0`, as spreadsheets and data frames write a column with blanks."""
    found = _FRACTION.fullmatch(number) if "." in number else None
    return found[1] if found else number


def _international(number: str) -> str:
    """Return a number with a country code without its separators; empty for any other text."""
    if _E164.fullmatch(number):
        return number
    plain = number.translate(_SIGNS) if _INTERNATIONAL.fullmatch(number) else ""
    return plain if _E164.fullmatch(plain) else ""


def _at_home(number: str, region: str) -> str | None:
    return numbering.dialled_within(number.translate(_SIGNS), region) if _AT_HOME.fullmatch(number) else None


def comparable(number: str, region: str | None) -> str | None:
    """Return the form for comparing the phone numbers of two people: the result of `to_e164` if `number` is valid.

    It is not validated, because that takes longer than all other steps of the intake. None if it is not a number, or if
    it has no country code and there is no `region`.
    """
    if numbering.is_usual(number):  # one pattern, which nearly all numbers match
        return number
    number = _whole(number)
    if (e164 := _international(number)) and numbering.is_as_dialled(*numbering.apart(e164)):
        return e164
    try:
        return phonenumbers.format_number(_parsed(number, region), phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        return None


def _parsed(number: str, region: str | None) -> PhoneNumber:
    """Parse a number. Raises phonenumbers.NumberParseException."""
    parsed = phonenumbers.parse(number, region, keep_raw_input=True)
    if parsed.country_code != numbering.MEXICO:
        return parsed
    # Without a country code, a leading 1 is more likely the code of the United States.
    at_home = parsed.country_code_source == CountryCodeSource.FROM_DEFAULT_COUNTRY
    national = phonenumbers.national_significant_number(parsed)
    mobile = (_FROM_WITHIN if at_home else _FROM_ABROAD).fullmatch(national)
    return PhoneNumber(numbering.MEXICO, int(mobile[1])) if mobile else parsed
