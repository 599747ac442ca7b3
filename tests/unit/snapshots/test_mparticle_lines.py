from __future__ import annotations

import msgspec
import pytest

from mappings.rules import Rules
from snapshots.mparticle_lines import changes
from snapshots.reading import rows
from snapshots.rows import Selection, SnapshotRow, Unreadable, Unusable

HEADER = "mpid, scanned_timestamp_ms, identity_value, identity_type\n"


def _rows(text: str) -> list[SnapshotRow | Unusable]:
    return [*rows(iter([text.encode()]), "mparticle_csv", False, Selection(full=True), Rules())]


def _sent(row: SnapshotRow | Unusable) -> object:
    return msgspec.json.decode(row.fragment) if isinstance(row, SnapshotRow) else row


def test_the_rows_of_an_mpid_are_one_customer() -> None:
    found = _rows(
        HEADER + "-13,1594167374230,ann@example.com,email\n-13,1594167374230,c-1,customer_id\n"
        "14,1594167374230,bob@example.com,Email\n14,1594167374230,b@work.com,email\n14,1594167374230,c-2,customerid\n"
        "15,1594167374230,c-3,customer_id\n16,1594167374230,cy@example.com,email\n"
    )
    assert [_sent(row) for row in found] == [
        {"email": "ann@example.com", "external_id": "c-1"},
        {"email": "bob@example.com"},
        {"email": "b@work.com"},
        Unusable(6, "email_missing"),
        {"email": "cy@example.com"},
    ]
    assert [row.number for row in found] == [2, 5, 5, 6, 7]
    assert [row.customer for row in found if isinstance(row, SnapshotRow)] == ["-13", "14", "14", "16"]


@pytest.mark.parametrize(
    "text", ["", "mpid,identity_value,identity_type\n", "-13,1594167374230,ann@example.com,email\n"]
)
def test_another_header_than_mparticles_is_refused_naming_nobody(text: str) -> None:
    with pytest.raises(Unreadable, match="the first line is not mParticle's header mpid, ") as caught:
        _rows(text)
    assert "@" not in str(caught.value)


def _changes(*lines: object) -> list[object]:
    return [*changes(iter([b"\n".join(map(msgspec.json.encode, lines))]))]


def test_lines_of_kinesis_and_of_cloud_storage_become_changes() -> None:
    kinesis = {
        "MembershipChangedTimestamp": "1234565788",
        "AudienceId": 123,
        "AudienceName": "Low",
        "IsMember": True,
        "UserIdentities": {"CustomerId": "p-1", "Email": "ann@example.com", "Other3": "x", "GoogleAdvertisingId": "y"},
    }
    storage = {
        "IsAddRequest": False,
        "IdentityValues": {"customer_id": "p-1", "mpid": "1"},
        "MembershipChangedTimestamp": 1594167374230,
        "AudienceId": None,
    }
    assert _changes(kinesis, storage) == [
        {
            "action": "add",
            "email": "ann@example.com",
            "external_id": "p-1",
            "timestamp": "2009-02-13T22:56:28.000Z",
            "audience": {"id": "123", "name": "Low"},
        },
        {"action": "remove", "external_id": "p-1", "timestamp": "2020-07-08T00:16:14.230Z"},
    ]


def test_a_line_about_nobody_whom_klaviyo_could_know_is_named_by_its_number() -> None:
    line = {"IsAddRequest": True, "IdentityValues": {"mpid": "1"}, "MembershipChangedTimestamp": 1594167374230}
    assert _changes(line) == [Unusable(1, "identity_missing")]


@pytest.mark.parametrize(
    "line",
    [
        {},
        [],
        "x",
        {
            "IsMember": "true",
            "UserIdentities": {"Email": "ann@example.com"},
            "MembershipChangedTimestamp": 1594167374230,
        },
        {"IsMember": True, "UserIdentities": {"Email": "ann@example.com"}, "MembershipChangedTimestamp": "soon"},
        {"IsMember": True, "UserIdentities": ["ann@example.com"], "MembershipChangedTimestamp": 1594167374230},
    ],
)
def test_a_line_in_neither_form_is_refused_naming_its_number_and_nobody(line: object) -> None:
    good = {"IsAddRequest": True, "IdentityValues": {"email": "a@b.de"}, "MembershipChangedTimestamp": 1594167374230}
    with pytest.raises(Unreadable, match="line 2 is not a change of mParticle") as caught:
        _changes(good, line)
    assert "@" not in str(caught.value)
