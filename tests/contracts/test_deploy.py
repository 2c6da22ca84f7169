"""The files in deploy/ name settings that exist, for services that exist."""

import importlib
import re
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "deploy" / "systemd"
SETTINGS = {
    "controlplane": ("controlplane.config", "Settings"),
    "workspace": ("workspace.config", "WorkspaceSettings"),
    "workloads": ("workloads.config", "WorkloadsSettings"),
    "gateway": ("gateway.config", "GatewaySettings"),
}
_LINE = re.compile(r"(?:# )?WEFT_([A-Z]+?)_([A-Z_]+)=\S+")


@pytest.mark.parametrize("service", SETTINGS)
def test_environment_files_name_settings_that_exist(service):
    module, name = SETTINGS[service]
    known = {field.upper() for field in getattr(importlib.import_module(module), name).model_fields}
    lines = (SYSTEMD / "env" / f"{service}.env").read_text().splitlines()
    found = [match for match in map(_LINE.fullmatch, lines) if match]
    assert found
    assert {match[1] for match in found} == {service.upper()}
    assert {match[2] for match in found} <= known


def test_there_is_an_environment_file_for_each_service():
    files = {path.stem for path in (SYSTEMD / "env").glob("*.env")}
    assert files == set(SETTINGS)


@pytest.mark.parametrize("service", SETTINGS)
def test_each_service_is_a_module_to_run(service):
    assert importlib.util.find_spec(f"{service}.__main__") is not None
