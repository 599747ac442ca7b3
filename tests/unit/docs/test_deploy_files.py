"""What platforms read: Procfile, app.json, compose.yaml, the Dockerfile, systemd's units, and the page about them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from openapi_schema_validator import OAS31Validator

from commands.main import COMMANDS
from configuration import checks, settings
from tests.support.dynos import procfile, systemd_unit
from tests.support.paths import ROOT

RUNNING = {"web", "scheduler", "worker"}
#: What Heroku's generator "secret" makes.
GENERATED = "0123456789abcdef" * 4


def text(name: str) -> str:
    return (ROOT / name).read_text()


def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text("app.json"))
    return found


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text("compose.yaml"))["services"]
    return found


def test_the_procfile_names_commands_there_are() -> None:
    assert procfile().keys() == RUNNING | {"release"}
    for command in procfile().values():
        name, word = command.split()
        assert (name, word in COMMANDS) == ("ferry", True)


def test_the_app_starts_each_process_once_beside_a_store_that_keeps_its_data() -> None:
    assert {name: dyno["quantity"] for name, dyno in manifest()["formation"].items()} == dict.fromkeys(RUNNING, 1)
    (store,) = manifest()["addons"]
    assert re.fullmatch(r"heroku-redis:premium-\d+", store)


def test_an_app_is_set_up_by_naming_a_key_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = {name for name, variable in manifest()["env"].items() if variable.get("required")}
    assert asked == {"KLAVIYO_API_KEY"}
    for name in checks.EXAMPLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    for name, variable in manifest()["env"].items():
        if value := variable.get("value") or (variable.get("generator") and GENERATED):
            monkeypatch.setenv(name, value)
    loaded = settings.load()
    assert [token.value for token in loaded.tokens] == [GENERATED]
    assert (loaded.secret_keys, loaded.admin_token) == ((GENERATED,), GENERATED)


def test_every_variable_of_the_app_is_one_that_the_readme_explains() -> None:
    explained = set(re.findall(r"^\| `([A-Z_]+)`", text("README.md"), re.MULTILINE))
    assert manifest()["env"].keys() <= explained


def test_compose_runs_what_the_procfile_runs() -> None:
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", text("Dockerfile"), re.MULTILINE)
    ours = {name: service for name, service in services().items() if name != "redis"}
    ran = {" ".join([*json.loads(entry), *service["command"]]) for service in ours.values()}
    assert ran == set(procfile().values())
    for service in ours.values():
        assert service["environment"]["REDIS_URL"] == "redis://redis:6379/0"
        assert service["stop_grace_period"] == "30s"
    assert ours["check"]["restart"] == "no"
    assert {name for name in ours if ours[name]["restart"] == "unless-stopped"} == RUNNING


def test_the_store_of_compose_keeps_its_data_and_refuses_when_it_is_full() -> None:
    store = services()["redis"]
    assert {"--appendonly=yes", "--maxmemory-policy=noeviction"} <= set(store["command"])
    assert store["volumes"] == ["redis:/data"]


def test_the_unit_starts_again_whatever_ends_and_waits_as_long_as_ferry_takes_to_end() -> None:
    service = systemd_unit()["Service"]
    assert (service["Restart"], service["TimeoutStopSec"], service["User"]) == ("always", "30", "ferry")


def test_a_process_has_a_limit_of_memory_and_room_for_its_connections() -> None:
    service = systemd_unit()["Service"]
    assert (service["MemoryMax"], int(service["LimitNOFILE"])) == ("512M", 65_536)
    for name, ours in services().items():
        if name != "redis":
            assert (ours["mem_limit"], ours["ulimits"]) == ("512m", {"nofile": 65_536}), name
    assert any(word.startswith("--maxmemory=") for word in services()["redis"]["command"])


def test_a_snapshot_that_a_worker_compares_is_on_disk_not_in_its_memory() -> None:
    worker = services()["worker"]
    assert (worker["tmpfs"], worker["volumes"], worker["read_only"]) == ([], ["/tmp"], True)  # noqa: S108


def test_base_images_have_exact_versions() -> None:
    # What runs has the Python that built its packages.
    (python,) = set(re.findall(r"^FROM (\S+)", text("Dockerfile"), re.MULTILINE))
    images = [python, *(service["image"] for service in services().values() if "build" not in service)]
    assert [
        image for image in images if not re.fullmatch(r"[a-z/]+:\d+\.\d+\.\d+-[a-z0-9.-]+(@sha256:\w{64})?", image)
    ] == []
    assert python.startswith(f"python:{text('.python-version').strip()}.")


def test_the_page_names_only_commands_there_are() -> None:
    named = set(re.findall(r"(?:^|`|bin/|(?:run|worker) )ferry ([a-z-]+)", text("docs/deploy.md"), re.MULTILINE))
    assert named <= set(COMMANDS), named - set(COMMANDS)
    assert {"doctor", "flush"} <= named


def test_each_container_is_checked_by_a_command_there_is() -> None:
    (check,) = re.findall(r"^HEALTHCHECK .*CMD (.*)$", text("Dockerfile"), re.MULTILINE)
    assert json.loads(check) == ["ferry", "health", "web"]
    for name in RUNNING:
        health = services()[name]["healthcheck"]
        assert health["test"] == ["CMD", "ferry", "health", name]
        assert (health["interval"], health["timeout"], health["retries"]) == ("30s", "15s", 3)
    assert services()["check"]["healthcheck"] == {"disable": True}, "it ends"


#: What app.json may contain (Heroku Dev Center, "app.json Schema").
_VALUE = {
    "type": "object",
    "properties": {
        "description": {"type": "string"},
        "value": {"type": "string"},
        "required": {"type": "boolean"},
        "generator": {"const": "secret"},
    },
    "additionalProperties": False,
    # A value that is generated needs none, and Heroku asks for one that is neither given nor generated.
    "not": {"required": ["generator", "value"]},
}
_ADDON = {
    "type": "object",
    "properties": {"plan": {"type": "string"}, "as": {"type": "string"}, "options": {"type": "object"}},
    "required": ["plan"],
    "additionalProperties": False,
}
_DYNO = {
    "type": "object",
    "properties": {
        "quantity": {"type": "integer", "minimum": 0},
        "size": {"enum": ["eco", "basic", "standard-1x", "standard-2x", "performance-m", "performance-l"]},
    },
    "required": ["quantity"],
    "additionalProperties": False,
}
_OWN = {
    "addons": {"type": "array", "items": {"anyOf": [{"type": "string"}, _ADDON]}},
    "buildpacks": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"url": {"type": "string"}},
            "required": ["url"],
            "additionalProperties": False,
        },
    },
    "env": {
        "type": "object",
        "patternProperties": {"^[A-Z][A-Z0-9_]*$": {"anyOf": [{"type": "string"}, _VALUE]}},
        "additionalProperties": False,
    },
    "formation": {"type": "object", "additionalProperties": _DYNO},
    "scripts": {
        "type": "object",
        "properties": {"postdeploy": {"type": "string"}, "pr-predestroy": {"type": "string"}},
        "additionalProperties": False,
    },
}
APP_JSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        **_OWN,
        "name": {"type": "string", "minLength": 3, "maxLength": 30},
        "description": {"type": "string", "maxLength": 140},
        "keywords": {"type": "array", "items": {"type": "string"}},
        "website": {"type": "string", "format": "uri"},
        "repository": {"type": "string", "format": "uri"},
        "logo": {"type": "string", "format": "uri"},
        "success_url": {"type": "string"},
        "image": {"type": "string"},
        "stack": {"enum": ["heroku-22", "heroku-24", "container"]},
        "environments": {
            "type": "object",
            "additionalProperties": {"type": "object", "properties": _OWN, "additionalProperties": False},
        },
    },
    "additionalProperties": False,
}


def faults(found: dict[str, Any]) -> list[str]:
    return [fault.message for fault in OAS31Validator(APP_JSON).iter_errors(found)]


def test_the_app_has_the_form_that_heroku_documents() -> None:
    assert faults(manifest()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"enviroment": {}},
        {"env": {"ferry_tokens": "x"}},
        {"env": {"PORT": {"value": 8000}}},
        {"env": {"FERRY_TOKENS": {"generator": "random"}}},
        {"env": {"FERRY_TOKENS": {"generator": "secret", "value": "x"}}},
        {"formation": {"web": {"size": "basic"}}},
        {"formation": {"web": {"quantity": "1"}}},
        {"formation": {"web": {"quantity": 1, "size": "tiny"}}},
        {"addons": [{"as": "REDIS"}]},
        {"buildpacks": ["heroku/python"]},
        {"stack": "heroku-18"},
        {"description": "x" * 141},
    ],
)
def test_a_form_that_heroku_does_not_know_is_found(wrong: dict[str, Any]) -> None:
    assert faults(manifest() | wrong)
