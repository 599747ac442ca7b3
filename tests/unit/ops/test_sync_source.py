from __future__ import annotations

import gzip
import json
from pathlib import Path

import click
import pyarrow
import pytest
from pyarrow import parquet

from ops.errors import Failed
from ops.sync.source import Kind, source
from queues.snapshots.orders import PIECE

DOWNLOAD = b"mpid, scanned_timestamp_ms, identity_value, identity_type\n1, 1538596779000, a@example.com, email\n"
MOVED = b'{"MembershipChangedTimestamp":1,"AudienceId":42,"IsMember":true,"UserIdentities":{"Email":"a@example.com"}}\n'
STORED = b'{"IsAddRequest":true,"IdentityValues":{"email":"a@example.com"},"MembershipChangedTimestamp":1}\n'


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.csv", b"email\n", "csv"),
        ("a.CSV", b"email\n", "csv"),
        ("a.tsv", b"email\tphone\n", "csv"),
        ("a.csv.gz", gzip.compress(b"email\n", mtime=0), "csv"),
        ("a.ndjson", b'{"email":"a@example.com"}\n', "ndjson"),
        ("a.jsonl", b"", "ndjson"),
        ("a.json", b"[]", "json"),
        ("a.csv", DOWNLOAD, "mparticle-csv"),
        ("a.txt", b"\xef\xbb\xbf" + DOWNLOAD, "mparticle-csv"),
        ("a.gz", gzip.compress(DOWNLOAD, mtime=0), "mparticle-csv"),
        ("a.json", MOVED, "mparticle-lines"),
        ("a", STORED, "mparticle-lines"),
    ],
    ids=str,
)
def test_a_file_says_what_it_is_by_its_beginning_or_else_its_ending(
    name: str, content: bytes, kind: Kind, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    found = source(str(file), None, "42")
    assert (found.kind, found.gzip) == (kind, content.startswith(b"\x1f\x8b"))
    assert (found.size, b"".join(found.pieces)) == (len(content), content)


def test_the_format_that_is_named_wins(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(DOWNLOAD)
    assert source(str(file), "csv", "42").kind == "csv"


def test_what_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "export"
    file.write_bytes(b"a@example.com\n")
    with pytest.raises(click.UsageError, match="name it with --format"):
        source(str(file), None, "42")


def test_a_broken_gzip_is_left_to_whoever_reads_all_of_it(tmp_path: Path) -> None:
    file = tmp_path / "a.csv.gz"
    file.write_bytes(b"\x1f\x8bnone")
    assert source(str(file), None, "42").gzip


def test_no_piece_is_larger_than_may_be_staged(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"x" * (2 * PIECE + 1))
    assert [len(piece) for piece in source(str(file), None, "42").pieces] == [PIECE, PIECE, 1]


def download(folder: Path, *names: str) -> Path:
    files = [{"file_name": name, "total_rows": 1, "min_timestamp_ms": 1_538_596_779_000} for name in names]
    (folder / "manifest.json").write_text(json.dumps({"archive_name": "x.zip", "total_rows": 9, "files": files}))
    for name in names:
        (folder / name).write_bytes(DOWNLOAD)
    return folder


def test_of_a_download_the_file_of_the_audience_is_taken_with_what_the_manifest_says(tmp_path: Path) -> None:
    download(tmp_path, "42_VIPs_172136Nov292018.csv", "43_Lapsed_172136Nov292018.csv")
    found = source(str(tmp_path), None, "42")
    assert (found.kind, found.rows, found.at) == ("mparticle-csv", 1, 1_538_596_779_000)
    named = source(str(tmp_path / "43_Lapsed_172136Nov292018.csv"), None, "42")
    assert (named.rows, named.at) == (1, 1_538_596_779_000)


def test_of_a_download_without_the_audience_no_file_is_guessed(tmp_path: Path) -> None:
    download(tmp_path, "42_VIPs.csv", "43_Lapsed.csv")
    with pytest.raises(click.UsageError, match="has 2 files; name the one of audience 4:"):
        source(str(tmp_path), None, "4")


def test_the_only_file_of_a_download_is_meant(tmp_path: Path) -> None:
    assert source(str(download(tmp_path, "42_VIPs.csv")), None, "vips").rows == 1


def test_a_manifest_of_other_files_says_nothing(tmp_path: Path) -> None:
    download(tmp_path, "42_VIPs.csv")
    (tmp_path / "other.csv").write_bytes(b"email\n")
    assert source(str(tmp_path / "other.csv"), None, "42").rows is None


@pytest.mark.parametrize("manifest", [None, "[]", '{"files":[{}]}', "{"])
def test_a_folder_without_a_manifest_of_mparticle_is_refused(manifest: str | None, tmp_path: Path) -> None:
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(Failed, match=r"manifest\.json"):
        source(str(tmp_path), None, "42")


def test_a_parquet_file_becomes_lines_of_json(tmp_path: Path) -> None:
    file = tmp_path / "vips.parquet"
    rows = [{"email": f"p{i}@example.com", "score": i, "city": None} for i in range(2_500)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    found = source(str(file), None, "42")
    assert (found.kind, found.gzip) == ("parquet", False)
    lines = b"".join(found.pieces).splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_what_is_no_parquet_file_is_refused_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "vips.parquet"
    file.write_bytes(b"email\n")
    with pytest.raises(Failed, match=r"vips\.parquet cannot be read as Parquet"):
        list(source(str(file), None, "42").pieces)


def test_without_pyarrow_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "vips.parquet"
    file.touch()
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(Failed, match=r"python\S* -m pip install --require-hashes -r requirements-parquet\.txt$"):
        list(source(str(file), None, "42").pieces)
