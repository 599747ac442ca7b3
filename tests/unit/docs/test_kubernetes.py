"""deploy/kubernetes: manifests in the form of Kubernetes' own schemas, which `lightkube-models` has as dataclasses."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType, NoneType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import pytest
import yaml  # type: ignore[import-untyped]

from commands.main import COMMANDS
from tests.support.paths import ROOT

FOLDER: Final = ROOT / "deploy" / "kubernetes"
RUNNING: Final = ("web", "scheduler", "worker")
_QUANTITY: Final = re.compile(r"[0-9]+(m|[KMGT]i?)?")


def models(module: str) -> Any:
    """A module of the schemas. Its base class stands in `lightkube`, a client that is not needed here."""
    schema = ModuleType("lightkube.core.schema")
    schema.__dict__.update(dataclass=dataclasses.dataclass, field=dataclasses.field, DictMixin=object)
    sys.modules.setdefault("lightkube.core", ModuleType("lightkube.core"))
    sys.modules.setdefault("lightkube.core.schema", schema)
    return import_module(f"lightkube.models.{module}")


#: apiVersion and kind -> the schema.
SCHEMAS: Final = {
    ("v1", "Service"): models("core_v1").Service,
    ("apps/v1", "Deployment"): models("apps_v1").Deployment,
}


def faults(value: Any, hint: Any, where: str = "") -> Iterator[str]:
    """What is wrong with a value, with its place: names, types and missing fields."""
    kinds = [kind for kind in get_args(hint) if kind is not NoneType] if get_origin(hint) is Union else [hint]
    if len(kinds) == 1 and get_origin(kinds[0]) is list and isinstance(value, list):
        for number, item in enumerate(value):
            yield from faults(item, get_args(kinds[0])[0], f"{where}[{number}]")
    elif len(kinds) == 1 and dataclasses.is_dataclass(kinds[0]):
        yield from _object(value, kinds[0], where)
    elif type(value) not in kinds:
        yield f"{where}: {value!r}"


def _object(value: Any, schema: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r}"
        return
    hints = get_type_hints(schema)
    required = {f.name for f in dataclasses.fields(schema) if f.default is f.default_factory is dataclasses.MISSING}
    yield from (f"{where}.{name} is missing" for name in sorted(required - value.keys()))
    for name, inner in value.items():
        if name in hints:
            yield from faults(inner, hints[name], f"{where}.{name}")
        else:
            yield f"{where}.{name} is unknown"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / f"{name}.yaml").read_text()))


def deployment(name: str) -> dict[str, Any]:
    (found,) = (each for each in documents(name) if each["kind"] == "Deployment")
    return found


def pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = deployment(name)["spec"]["template"]["spec"]
    return spec


def container(name: str) -> dict[str, Any]:
    (found,) = pod(name)["containers"]
    assert isinstance(found, dict)
    return found


def test_there_is_a_file_for_each_process() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(RUNNING)


@pytest.mark.parametrize("name", RUNNING)
def test_the_manifests_have_the_form_of_kubernetes_schemas(name: str) -> None:
    for document in documents(name):
        assert list(faults(document, SCHEMAS[document["apiVersion"], document["kind"]])) == []


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("spec", "replicas"), "2", ".spec.replicas: '2'"),
        (("spec", "selectors"), {}, ".spec.selectors is unknown"),
        (("spec", "template", "spec", "hostNetworks"), True, ".spec.template.spec.hostNetworks is unknown"),
        (("metadata",), "web", ".metadata: 'web'"),
        (("spec", "selector"), None, ".spec.selector: None"),
    ],
)
def test_another_form_is_found(path: tuple[str, ...], value: Any, fault: str) -> None:
    wrong = deployment("web")
    place = wrong
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert list(faults(wrong, SCHEMAS["apps/v1", "Deployment"])) == [fault]


def test_a_missing_field_and_a_wrong_item_of_a_list_are_found() -> None:
    wrong = deployment("worker")
    (inner,) = wrong["spec"]["template"]["spec"]["containers"]
    del inner["name"]
    inner["args"] = ["worker", 1]
    place = ".spec.template.spec.containers[0]"
    found = list(faults(wrong, SCHEMAS["apps/v1", "Deployment"]))
    assert sorted(found) == [f"{place}.args[1]: 1", f"{place}.name is missing"]


@pytest.mark.parametrize("name", RUNNING)
def test_each_runs_its_command_after_the_check_of_a_release(name: str) -> None:
    assert container(name)["args"] == [name]
    (check,) = pod(name)["initContainers"]
    assert check["args"] == ["release-check"]
    assert {name, "release-check"} <= set(COMMANDS)
    images = {each["image"] for each in (container(name), check)}
    assert images == {"registry.example.com/ferry:0.1.0"}, "one place to change in each file"


@pytest.mark.parametrize("name", RUNNING)
def test_selectors_names_and_volumes_fit_together(name: str) -> None:
    labels = deployment(name)["spec"]["template"]["metadata"]["labels"]
    assert deployment(name)["spec"]["selector"]["matchLabels"] == labels == deployment(name)["metadata"]["labels"]
    volumes = {volume["name"] for volume in pod(name)["volumes"]}
    for each in (container(name), *pod(name)["initContainers"]):
        assert {mount["name"] for mount in each["volumeMounts"]} == volumes
        assert each["envFrom"] == [{"secretRef": {"name": "ferry"}}]
        assert {"name": "FERRY_CONNECTIONS", "value": "/etc/ferry/connections.toml"} in each["env"]


def test_the_service_leads_to_the_port_of_web() -> None:
    (service,) = (each for each in documents("web") if each["kind"] == "Service")
    assert service["spec"]["selector"] == deployment("web")["metadata"]["labels"]
    (port,) = container("web")["ports"]
    assert [each["targetPort"] for each in service["spec"]["ports"]] == [port["name"]]
    environment = {each["name"]: each["value"] for each in container("web")["env"]}
    assert environment["PORT"] == str(port["containerPort"])
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container("web")[probe]["httpGet"] == {"path": "/healthz", "port": port["name"]}


@pytest.mark.parametrize("name", ["scheduler", "worker"])
def test_the_others_are_checked_by_their_command_and_outlast_ten_minutes_without_redis(name: str) -> None:
    probe = container(name)["livenessProbe"]
    assert probe["exec"]["command"] == ["ferry", "health", name]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 600


@pytest.mark.parametrize("name", RUNNING)
def test_each_has_limits_and_no_rights(name: str) -> None:
    assert pod(name)["terminationGracePeriodSeconds"] == 30
    assert pod(name)["securityContext"]["runAsNonRoot"] is True
    for each in (container(name), *pod(name)["initContainers"]):
        assert each["resources"]["limits"] == {"memory": "512Mi"}
        for quantities in each["resources"].values():
            assert all(_QUANTITY.fullmatch(quantity) for quantity in quantities.values())
        security = each["securityContext"]
        assert (security["readOnlyRootFilesystem"], security["allowPrivilegeEscalation"]) == (True, False)
        assert security["capabilities"] == {"drop": ["ALL"]}


def test_what_a_worker_compares_is_on_disk_not_in_its_memory() -> None:
    medium = {
        name: next(volume["emptyDir"].get("medium") for volume in pod(name)["volumes"] if volume["name"] == "tmp")
        for name in RUNNING
    }
    assert medium == {"web": "Memory", "scheduler": "Memory", "worker": None}
