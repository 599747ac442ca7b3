"""The requirements files: everything with a hash, from no place in particular, and what pyproject.toml asks for."""

from __future__ import annotations

import re

import pytest

from tests.support.paths import ROOT
from tests.support.pins import APART, FILES, disagreements, pins, written

PYPROJECT, TEXTS = written(ROOT)
#: Folders with what tells nobody.
MADE = {"tests", ".venv", ".clients", "build"}
#: What may tell somebody, or a machine, to install something.
TELLING = [
    *(ROOT / name for name in ("Makefile", "Dockerfile", "bin/post_compile", ".ci/run", "app.json", "Procfile")),
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    *(
        path
        for path in ROOT.rglob("*.py")
        if not {"tests", ".venv", ".clients", "build"} & {*path.relative_to(ROOT).parts}
    ),
]


@pytest.mark.parametrize("name", FILES)
def test_a_requirements_file_pins_with_hashes_takes_wheels_only_and_names_no_place(name: str) -> None:
    assert pins(TEXTS[name])
    assert "\n--only-binary :all:\n" in TEXTS[name]
    assert "://" not in TEXTS[name]


def test_every_requirements_file_there_is_one_of_these() -> None:
    assert {path.name for path in ROOT.glob("requirements*")} == FILES.keys()


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "redis==8.1.0",
        "redis>=8 \\\n    --hash=sha256:" + "0" * 64,
        "--extra-index-url https://packages.example",
        "--find-links /opt/wheels",
        "--trusted-host packages.example",
        "-r other.txt",
        "redis @ https://packages.example/redis.whl",
        "redis==8.1.0 \\\n    --hash=md5:" + "0" * 32,
    ],
)
def test_anything_but_a_pin_with_hashes_is_found(line: str) -> None:
    with pytest.raises(ValueError, match="is no pin with hashes"):
        pins(f"{TEXTS['requirements.txt']}{line}\n")


def test_a_package_has_one_version_in_all_files_of_one_environment() -> None:
    versions: dict[str, set[str]] = {}
    for file, text in TEXTS.items():
        for name, pin in pins(text).items():
            if pin.here and file not in APART:
                versions.setdefault(name, set()).add(pin.version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_the_requirements_files_are_what_pyproject_asks_for() -> None:
    assert disagreements(PYPROJECT, TEXTS) == []


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ('    "rich>=13.9",', '    "rich>=13.9",\n    "attrs",', "requirements.txt: attrs is missing"),
        ('    "rich>=13.9",\n', "", "requirements.txt: rich is not asked for any more"),
        ('"rich>=13.9"', '"rich>=99"', "requirements.txt: rich>=99 is not "),
        ('"uvicorn[standard]', '"uvicorn', "requirements.txt: httptools is pinned and not needed"),
        ('"redis[hiredis]>=6.2"', '"redis[hiredis,jwt]>=6.2"', "requirements.txt: pyjwt is not installed"),
        ('build = ["setuptools>=77"]', "build = []", "requirements.txt: setuptools is not asked for any more"),
        ('"gunicorn>=27"', '"gunicorn>=27", "gevent"', "requirements-bench.txt: gevent is missing"),
        ('"gunicorn>=27"', '"gunicorn<27"', "requirements-bench.txt: gunicorn<27 is not "),
        ('parquet = ["pyarrow>=18"]', "parquet = []", "requirements-dev.txt: pyarrow is not asked for any more"),
        ('    "responses>=0.26",\n', "", "requirements-dev.txt: responses is pinned and not needed"),
    ],
)
def test_a_change_of_pyproject_without_the_files_is_found(was: str, becomes: str, said: str) -> None:
    assert was in PYPROJECT
    found = disagreements(PYPROJECT.replace(was, becomes), TEXTS)
    assert [line for line in found if line.startswith(said)], found


@pytest.mark.parametrize(
    ("file", "was", "becomes", "said"),
    [
        ("requirements.txt", r"^falcon==\S+", "falcon==4.2.0", "requirements.txt: falcon 4"),
        ("requirements.txt", r"^falcon==\S+", "falcon==3.0.0", r"requirements.txt: falcon>=4.2 is not 3.0.0"),
        ("requirements.txt", r"^h11==\S+", "unasked==1.0", "requirements.txt: unasked is pinned and not needed"),
        (
            "requirements-dev.txt",
            r"^iniconfig==\S+",
            "i==1",
            "requirements-dev.txt: iniconfig is needed and not pinned",
        ),
    ],
)
def test_a_file_that_was_changed_by_hand_is_found(file: str, was: str, becomes: str, said: str) -> None:
    changed = re.sub(was, becomes, TEXTS[file], count=1, flags=re.MULTILINE)
    assert changed != TEXTS[file]
    found = disagreements(PYPROJECT, {**TEXTS, file: changed})
    assert [line for line in found if line.startswith(said)], found


def unchecked(text: str) -> list[str]:
    """What a text has pip install without a hash, but for Ferry itself, built of what is installed."""
    found = re.findall(r"pip3? install\b.*", text.replace("\\\n", " "))
    return [
        line
        for line in found
        if "--require-hashes" not in line and not {"--no-deps", "--no-build-isolation"} <= {*line.split()}
    ]


def test_nothing_is_installed_without_its_hash() -> None:
    assert {str(path): found for path in TELLING if (found := unchecked(path.read_text()))} == {}


@pytest.mark.parametrize(
    "line",
    [
        "pip install -r requirements.txt",
        "RUN pip install --no-cache-dir .",
        "pip install 'ferry[parquet]'",
        "\t$(BIN)/pip install --quiet --no-deps -e .",
        "python -m pip install \\\n    --upgrade pip",
    ],
)
def test_what_would_be_installed_without_a_hash_is_found(line: str) -> None:
    assert len(unchecked(f"{line}\n")) == 1
