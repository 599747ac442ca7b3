"""Files as people have them, from their bytes to what Klaviyo gets."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from queues.snapshots.orders import Format
from snapshots.rows import BESIDE, NOT_CHOSEN
from tests.support.mirrored import Mirrored, mirrored

ANN, BOB = "ann@example.com", "bob@example.com"
#: A name with accents, and a city.
JOSE = {"email": ANN, "first_name": "José", "location": {"city": "Málaga"}}
TEXT = f"email,First Name,City\n{ANN},José,Málaga\n"
SETTINGS = """
[connections.default]
full_profile = true
default_country = "US"
null_values = ["N/A", "-"]

[connections.default.audiences."42"]
"""


@pytest.fixture
def whole(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Mirrored]:
    """An audience whose snapshots send everything."""
    with configured(redis, redis_url, monkeypatch, tmp_path) as lists:
        yield lists


def configured(redis: Redis, redis_url: str, patch: pytest.MonkeyPatch, folder: Path, more: str = "") -> Any:
    settings = folder / "connections.toml"
    settings.write_text(SETTINGS + more)
    return mirrored(redis, redis_url, patch, FERRY_CONNECTIONS=str(settings))


def sync(lists: Mirrored, body: str | bytes, form: Format = "csv", **order: Any) -> Any:
    name = lists.send_body(body.encode() if isinstance(body, str) else body, form, **order)
    lists.settle()
    record = lists.record(name)
    assert record.error == ""
    return record


@pytest.mark.parametrize(
    ("body", "encoding", "charset"),
    [
        (TEXT.encode("utf-8-sig"), "utf-8", ""),
        (TEXT.encode("utf-16"), "utf-16-le", ""),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-16-be", ""),
        (TEXT.encode("utf-16-le"), "utf-16-le", ""),
        (TEXT.encode("utf-16-be"), "utf-16-be", ""),
        (TEXT.encode("utf-32"), "utf-32-le", ""),
        (TEXT.encode("utf-16"), "utf-16-le", "utf-8"),
        (TEXT.encode("cp1252"), "cp1252 (recognised)", ""),
        (TEXT.encode("cp1252"), "cp1252", "ISO-8859-1"),
        (TEXT.encode("mac_roman").replace(b"\n", b"\r"), "mac_roman (recognised)", ""),
        (TEXT.encode("cp850"), "cp850", "ibm850"),
        (gzip.compress(TEXT.encode("utf-16")), "utf-16-le", ""),
    ],
)
def test_a_file_is_read_in_its_encoding_and_the_run_says_which(
    whole: Mirrored, body: bytes, encoding: str, charset: str
) -> None:
    record = sync(whole, body, charset=charset)
    assert whole.imported() == [JOSE]
    assert record.encoding == encoding


@pytest.mark.parametrize(
    "body",
    [
        TEXT.replace("\n", "\r"),
        TEXT.replace("\n", "\r\n"),
        "sep=;\r\n" + TEXT.replace(",", ";"),
        '"sep=|"\n' + TEXT.replace(",", "|"),
        "SEP=\t\n" + TEXT.replace(",", "\t"),
        "\n\n" + TEXT.replace(",", ";"),
        " \r\n" + TEXT.replace(",", "\t"),
        TEXT.replace(",", "|"),
        f'email;First Name;City;"Last, first, middle"\n{ANN};José;Málaga;\n',
        TEXT + ",,\n,,\n",
    ],
)
def test_delimiters_line_ends_and_blank_lines_are_those_of_the_file(whole: Mirrored, body: str) -> None:
    sync(whole, body)
    assert whole.imported() == [JOSE]


ADDRESS = {
    "address1": "1 High St",
    "city": "Leeds",
    "region": "Yorks",
    "zip": "LS1",
    "country": "United Kingdom",
}
PERSON = {"email": ANN, "first_name": "Ann", "last_name": "Lee", "location": ADDRESS}


@pytest.mark.parametrize(
    "header",
    [
        "email,First_Name,LAST_NAME,Address1,City,Region,Zip,Country",
        "Email Address,First Name,Last Name,Address,City,State / Region,Zip Code,Country",
        "EMAIL ADDRESS,FIRST NAME,LAST NAME,ADDRESS 1,CITY,STATE,ZIP,COUNTRY",
        "email_address,given_name,surname,address,city,state,postal,country",
        "Email,FirstName,LastName,Address1,City,Region,Zip,Country",
        (
            "Email,First Name,Last Name,Default Address Address1,Default Address City,"
            "Default Address Province Code,Default Address Zip,Default Address Country Code"
        ),
        "email,firstName,lastName,address.street,address.city,address.state,address.postalCode,address.country",
        "$email,$first_name,$last_name,$address1,$city,$region,$zip,$country",
    ],
    ids=["lower", "Klaviyo", "shouted", "Amperity", "Ferry's export", "Shopify", "Segment", "dollar"],
)
def test_columns_are_recognised_by_the_names_that_programs_give_them(whole: Mirrored, header: str) -> None:
    record = sync(whole, f"{header}\n{ANN},Ann,Lee,1 High St,Leeds,Yorks,LS1,United Kingdom\n")
    assert whole.imported() == [PERSON]
    becomes = ["email", "first_name", "last_name", "address1", "city", "region", "zip", "country"]
    assert [(each.column, each.becomes) for each in record.columns] == [*zip(header.split(","), becomes, strict=True)]


@pytest.mark.parametrize("form", ["csv", "ndjson", "json"])
def test_of_two_columns_for_one_field_the_better_name_gets_it_in_every_format(whole: Mirrored, form: Format) -> None:
    body = {
        "csv": f"email,Province,Province Code\n{ANN},Yorks,YKS\n",
        "ndjson": f'{{"email": "{ANN}", "Province Code": "YKS", "Province": "Yorks"}}\n',
        "json": f'[{{"email": "{ANN}", "Province": "Yorks", "Province Code": "YKS"}}]',
    }[form]
    record = sync(whole, body, form)
    (row,) = whole.imported()
    assert row == {"email": ANN, "location": {"region": "Yorks"}, "properties": {"Province Code": "YKS"}}
    assert {each.column: each.becomes for each in record.columns} == {
        "email": "email",
        "Province": "region",
        "Province Code": "property Province Code",
    }


@pytest.mark.parametrize(
    ("form", "body", "sent"),
    [
        ("ndjson", f'{{"email":"{ANN}","properties":{{"store":12,"Plan":"gold"}}}}\n', {"store": 12, "Plan": "gold"}),
        ("json", f'[{{"email":"{ANN}","Properties":{{"store":12}},"tier":1}}]', {"store": 12, "tier": 1}),
        ("csv", f'email,properties\n{ANN},"{{""store"": 12, ""tags"": [""a""]}}"\n', {"store": 12, "tags": ["a"]}),
        ("ndjson", f'{{"email":"{ANN}","attributes":{{"store":12}},"properties":{{"tier":null}}}}\n', {"store": 12}),
        ("csv", f"email,properties,plan\n{ANN},,gold\n", {"plan": "gold"}),
    ],
)
def test_properties_may_come_as_an_object(whole: Mirrored, form: Format, body: str, sent: dict[str, Any]) -> None:
    sync(whole, body, form)
    (row,) = whole.imported()
    assert row == {"email": ANN, "properties": sent}


@pytest.mark.parametrize(
    ("form", "body", "left_out"),
    [
        (
            "csv",
            f'email,latitude,timezone,ip,phone\n{ANN},"47,6062",abc,999.1.1.1,12345\n{BOB},47.6,,,\n',
            {
                "latitude": {"latitude_invalid": 1},
                "timezone": {"timezone_invalid": 1},
                "ip": {"ip_invalid": 1},
                "phone_number": {"phone_invalid": 1},
            },
        ),
        (
            "ndjson",
            f'{{"email":"{ANN}","lat":91,"city":["Oslo"],"external_id":12.5}}\n{{"email":"{BOB}","external_id":0}}\n',
            {
                "latitude": {"latitude_invalid": 1},
                "city": {"field_invalid": 1},
                "external_id": {"external_id_invalid": 1, "identifier_blocked": 1},
            },
        ),
        (
            "csv",
            f'email,note,properties\n{ANN},{"x" * 140_000},[1]\n{BOB},y,"{{""city"": ""Oslo""}}"\n',
            {
                "note": {"attribute_too_large": 1},
                "properties": {"properties_invalid": 1},
                "properties.city": {"attribute_shadowed": 1},
            },
        ),
        (
            "csv",
            f"email,Time Zone\n{ANN},Europe/Oslo\n{BOB},GMT+25\nx@@,GMT+26\n",
            {"timezone": {"timezone_invalid": 1}},
        ),
    ],
)
def test_a_person_is_sent_without_what_klaviyo_does_not_take_and_the_run_counts_it(
    whole: Mirrored, form: Format, body: str, left_out: dict[str, dict[str, int]]
) -> None:
    record = sync(whole, body, form)
    assert whole.members() == {ANN, BOB}
    assert record.left_out == left_out


def test_ids_that_pandas_wrote_into_a_csv_are_the_people_of_before(whole: Mirrored) -> None:
    sync(whole, '{"external_id": 123.0}\n{"external_id": "124"}\n', "ndjson")
    record = sync(whole, "external_id,phone,plan\n123.0,,gold\n124.0,,\n,14155552671.0,\n")
    assert (record.counts.held, record.counts.adds, record.counts.removals) == (2, 1, 0)
    ids = {row.get("external_id") or row.get("phone_number") for row in whole.imported()}
    assert ids == {"123", "124", "+14155552671"}


@pytest.mark.parametrize("value", ["123.0", "123", '"123"', "1.23e2"])
def test_an_id_that_pandas_made_a_fraction_is_the_id(whole: Mirrored, value: str) -> None:
    record = sync(whole, f'{{"email": "{ANN}", "external_id": {value}}}\n', "ndjson")
    assert whole.imported() == [{"email": ANN, "external_id": "123"}]
    assert record.left_out == {}


def test_values_that_mean_nothing_make_no_profile_and_clear_nothing_else(whole: Mirrored) -> None:
    rows = ["NULL,Null,n/a,ann@example.com", "NULL,-,Oslo,", "c-2,NA,NA,NULL", "N/A,x,-,bob@example.com"]
    record = sync(whole, "external_id,last_name,city,email\n" + "\n".join(rows) + "\n")
    assert sorted(whole.imported(), key=lambda row: str(row["last_name"])) == [
        {"external_id": "c-2", "last_name": "NA", "location": {"city": "NA"}},
        {"email": ANN, "last_name": "Null"},
        {"email": BOB, "last_name": "x"},
    ]
    assert record.counts.shrink == {"identifier_blocked": 1}
    assert record.left_out == {}


def test_the_run_says_which_columns_were_not_sent_and_how_to_send_them(lists: Mirrored) -> None:
    record = sync(lists, f"email,phone,Plan,City,Customer ID,Note\n{ANN},+14155552671,gold,Oslo,c-1,x\n")
    assert lists.imported() == [{"email": ANN}]
    assert {each.column: each.not_sent for each in record.columns} == {
        "email": "",
        "phone": BESIDE,
        "Plan": NOT_CHOSEN,
        "City": NOT_CHOSEN,
        "Customer ID": BESIDE,
        "Note": NOT_CHOSEN,
    }


@pytest.mark.parametrize("chosen", ["First Name", "first_name", "FIRSTNAME"])
def test_a_field_is_chosen_by_any_of_its_names_and_a_property_by_its_own(lists: Mirrored, chosen: str) -> None:
    sync(lists, f"email,given_name,Plan,plan\n{ANN},Ann,gold,blue\n", attributes=(chosen, "Plan"))
    assert lists.imported() == [{"email": ANN, "first_name": "Ann", "properties": {"Plan": "gold"}}]


def test_an_audience_names_its_columns_and_its_values_that_mean_nothing(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    more = 'columns = { email = "Kontakt", external_id = "user_id", plan = "Tarif" }\nnull_values = ["keine"]\n'
    with configured(redis, redis_url, monkeypatch, tmp_path, more) as lists:
        record = sync(lists, f"kontakt,user_id,Tarif,email,city\n{ANN},u-1,gold,x@example.com,KEINE\n")
        assert lists.imported() == [{"email": ANN, "external_id": "u-1", "properties": {"plan": "gold"}}]
        assert [each.becomes for each in record.columns] == ["email", "external_id", "property plan", "nothing", "city"]
        name = lists.send_body(b"kontakt,email\na@example.com,b@example.com\n", "csv")
        lists.settle()
        record = lists.record(name)
    assert (record.state, "'user_id', which is missing" in record.error) == ("failed", True)
