"""`deploy/compose.yaml`: what it says is what the servers take, and they start from it alone."""

import asyncio
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml

from tests.deploy.node import PATIENCE_S, Node, Secrets
from tests.deploy.rendered import ROOT, SERVICES, Document
from tests.deploy.test_chart import SETTINGS
from tests.postgres import Server

FILE = ROOT / "deploy/compose.yaml"
FOUNDERS = "WEFT_CONTROLPLANE_FOUNDERS"
TOKENS = "/var/lib/weft-founders"
pytestmark = pytest.mark.timeout(300)


def read(**environment: str) -> Document:
    """The file as compose reads it, with its ${NAME:-default}s filled in."""

    def fill(match: re.Match[str]) -> str:
        return environment.get(match["name"], match["default"])

    text = re.sub(r"\$\{(?P<name>\w+):-(?P<default>[^}]*)\}", fill, FILE.read_text())
    assert "$" not in text
    return dict(yaml.safe_load(text))


COMPOSE = read()


class Pods:
    """Its services as a Node runs pods."""

    def __init__(self, compose: Document) -> None:
        self._services = {name: compose["services"][name] for name in SERVICES}

    def pods(self) -> dict[str, Document]:
        return {name: _pod(name, service) for name, service in self._services.items()}


def _pod(name: str, service: Document) -> Document:
    mounts, volumes = [{"name": "tmp", "mountPath": "/tmp"}], [{"name": "tmp", "emptyDir": {}}]
    for text in service["volumes"]:
        volume, path, *_ = text.split(":")
        mounts.append({"name": volume, "mountPath": path})
        volumes.append({"name": volume, "persistentVolumeClaim": {"claimName": volume}})
    for secret in service.get("secrets", []):
        mounts.append({"name": "secrets", "mountPath": "/run/secrets"})
        volumes.append({"name": "secrets", "secret": {"secretName": secret, "defaultMode": 0o444}})
    container = {
        "name": name,
        "command": service["command"],
        "env": [{"name": key, "value": value} for key, value in service["environment"].items()],
        "ports": [{"containerPort": port} for port in _listeners(service)],
        "volumeMounts": mounts,
    }
    return {"containers": [container], "volumes": volumes}


def _listeners(service: Document) -> list[int]:
    return [
        int(value.rpartition(":")[2])
        for name, value in service["environment"].items()
        if name.endswith("_ADDRESS") and "ADVERTISED" not in name
    ]


class Machine(Node):
    """A machine on which compose starts them."""

    hosts = ("0.0.0.0", "127.0.0.1", "localhost", *SERVICES)

    def _mount(self, pod: Document, container: Document, place: Path) -> dict[str, str]:
        """Where volumes are mounted below a directory of the image, that is here, too."""
        places = super()._mount(pod, container, place)
        tokens = place / "tokens"
        tokens.mkdir(exist_ok=True)
        for path, here in places.items():
            if path.startswith(f"{TOKENS}/") and not (link := tokens / Path(path).name).exists():
                link.symlink_to(here)
        return {**places, TOKENS: str(tokens)}

    def _value(self, variable: Document, places: Any, pod: str) -> str:
        value = super()._value(variable, places, pod)
        scheme, separator, path = value.rpartition("file://")
        return f"{scheme}{separator}{places.get(path, path)}" if separator else value

    def await_health(self, name: str) -> None:
        """Runs its health check until that succeeds, as compose does."""
        deadline = time.monotonic() + PATIENCE_S
        while self.examine(name).returncode:
            running = self.running[f"{name}-0"]
            assert running.process.poll() is None, running.words
            assert time.monotonic() < deadline, running.words

    def examine(self, name: str) -> subprocess.CompletedProcess[str]:
        """What the health check of a service does in its container."""
        cmd, python, *command = COMPOSE["services"][name]["healthcheck"]["test"]
        assert (cmd, python) == ("CMD", "python")
        words = [self._value({"value": word}, {}, f"{name}-0") for word in command]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}"}
        return subprocess.run(
            [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def secrets(postgres_server: Server) -> Secrets:
    """The files of `secrets/`, with the databases that PostgreSQL's container would have made."""

    async def create(service: str) -> str:
        name = f"{service}_{uuid.uuid4().hex}"
        connection = await asyncpg.connect(postgres_server.url("postgres"))
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        return f'database_url = "{postgres_server.url(name)}"\n'

    return {it: {it: asyncio.run(create(it))} for it in ("controlplane", "workspace")}


@pytest.fixture(scope="module")
def machine(secrets: Secrets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(Pods(COMPOSE), tmp_path_factory.mktemp("machine"), secrets)  # type: ignore[arg-type]
    told = COMPOSE["services"]["controlplane"]["environment"][FOUNDERS]
    here = ",".join(f"{name}=127.0.0.1" for name in ("workspace", "workloads", "gateway"))
    more = {"controlplane": {FOUNDERS: f"{told},{here}"}}
    try:
        for name in SERVICES:
            machine.start(name, **more.get(name, {}))
            # The others depend on it.
            if name == "controlplane":
                machine.await_health(name)
        yield machine
    finally:
        machine.stop()


def test_all_of_it_gets_healthy_by_itself(machine: Machine) -> None:
    for name in SERVICES:
        machine.await_health(name)
    environment = machine.inside["controlplane-0"]["environment"]
    done = subprocess.run(
        [sys.executable, "-m", "weft", "admin", "bootstrap-url"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "/setup#token=weft_setup_" in done.stdout, done.stderr


def test_a_health_check_tells_who_is_away(machine: Machine) -> None:
    for name in ("gateway", "workloads"):
        machine.await_health(name)
        assert machine.running[f"{name}-0"].stop(PATIENCE_S) == 0
        assert machine.examine(name).returncode == 1


@pytest.mark.parametrize("name", SERVICES)
def test_servers_know_every_variable(name: str) -> None:
    prefix = f"WEFT_{name.upper()}_"
    known = {f"{prefix}{field.upper()}" for field in SETTINGS[name].model_fields}
    assert set(COMPOSE["services"][name]["environment"]) <= known | {f"{prefix}CONFIG_FILE"}


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_containers_are_given_the_least(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert int(service["user"].partition(":")[0]) > 0
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "healthcheck" in service
    assert not {"privileged", "network_mode", "pid", "cap_add", "devices"} & set(service)
    # A password in a variable can be read by whoever may inspect the container.
    variables = " ".join(f"{key}={value}" for key, value in service["environment"].items())
    assert "://weft:" not in variables
    assert not re.search(r"PASSWORD=|_URL=postgres", variables)


@pytest.mark.parametrize("name", ["workspace", "workloads", "gateway"])
def test_a_service_reads_no_token_but_its_own(name: str) -> None:
    """Pipelines run in the workload manager's container, as the same user."""
    service = COMPOSE["services"][name]
    mounts = [text for text in service["volumes"] if "founders" in text]
    assert mounts == [f"founders-{name}:{TOKENS}/{name}:ro"]
    assert mounts[0].removesuffix(":ro") in COMPOSE["services"]["controlplane"]["volumes"]
    file = service["environment"][f"WEFT_{name.upper()}_ENROLLMENT_TOKEN_FILE"]
    assert file == f"{TOKENS}/{name}/enrollment-token"


def test_what_is_referred_to_is_there() -> None:
    used: dict[str, set[str]] = {"volumes": set(), "secrets": set()}
    for service in COMPOSE["services"].values():
        used["secrets"] |= set(service.get("secrets", []))
        names = {text.partition(":")[0] for text in service["volumes"]}
        files = {name for name in names if name.startswith("./")}
        assert all((FILE.parent / name).exists() for name in files)
        used["volumes"] |= names - files
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"])
    assert used["volumes"] == set(COMPOSE["volumes"])
    assert used["secrets"] == set(COMPOSE["secrets"])


@pytest.mark.parametrize("name", SERVICES)
def test_published_ports_are_listened_at_and_nothing_else_is_open(name: str) -> None:
    service = COMPOSE["services"][name]
    for text in service.get("ports", []):
        outside, _, inside = text.partition(":")
        assert outside == inside
        addresses = service["environment"].values()
        assert f"0.0.0.0:{inside}" in addresses
    assert not any(str(port) in "".join(service.get("ports", [])) for port in (7781, 7791, 7801))


def test_hosts_and_images_are_those_of_whoever_starts_it(tmp_path: Path) -> None:
    compose = read(WEFT_HOST="ml.example.com", WEFT_IMAGE="registry.example.com/weft@sha256:1")
    servers = [compose["services"][name] for name in SERVICES]
    assert {it["image"] for it in servers} == {"registry.example.com/weft@sha256:1"}
    told = compose["services"]["controlplane"]["environment"]
    assert "ml.example.com" in told["WEFT_CONTROLPLANE_HOST_NAMES"].split(",")
    assert told["WEFT_CONTROLPLANE_PUBLIC_URL"] == "https://ml.example.com:8780"
    for pair in ("workspace=ml.example.com", "gateway=ml.example.com"):
        assert pair in told[FOUNDERS].split(",")
