"""A machine that starts the containers of pods as processes, and probes them as the kubelet does.

Nothing is added to what the manifests say, and nothing left out: variables, commands, volumes,
Secrets and probes are theirs. Only the world around is smaller: ports are others, of loopback;
names of Services lead there; files of volumes are below a directory.
"""

import base64
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.deploy.rendered import ROOT, SERVICES, Document, Rendering
from weft._ports import Ports

PATIENCE_S = 60.0
_POLL_S = 0.1
# Other refusals would never get better: a service that is not known, a path that is not there.
_PASSING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
_SERVER_ERROR = 500
Secrets = dict[str, dict[str, str]]


class Container:
    """A container that runs."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def words(self) -> str:
        return self._log.read_text()

    def stop(self, grace_s: float) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(grace_s)


class Node:
    """Runs pods of a rendering; `secrets` are those of the cluster, by name and key."""

    # What leads to a server in the world of the manifests, and to this machine here.
    hosts: tuple[str, ...] = ("0.0.0.0", *(f"weft-{service}.weft.svc" for service in SERVICES))

    def __init__(self, rendering: Rendering, directory: Path, secrets: Secrets) -> None:
        self.rendering = rendering
        self.secrets = secrets
        self.running: dict[str, Container] = {}
        # What a command finds that is executed in a pod: variables, and where its volumes are.
        self.inside: dict[str, dict[str, dict[str, str]]] = {}
        self.directory = directory
        containers = [pod["containers"][0] for pod in rendering.pods().values()]
        ports = [port["containerPort"] for it in containers for port in it.get("ports", [])]
        assert len(ports) == len(set(ports))
        self._taken = Ports()
        free = self._taken.take({str(port): 0 for port in ports})
        self.ports = {int(port): mapped for port, mapped in free.items()}
        # Where each replica listens; Services lead to the first.
        self._listeners: dict[str, dict[int, int]] = {}

    def start_all(self, name: str, **more: str) -> None:
        """Starts as many replicas as the manifest says, at once."""
        for replica in range(self.rendering.replicas(name)):
            self.start(name, replica=replica, **more)

    def start(self, name: str, *, replica: int = 0, **more: str) -> Container:
        """Starts the one container of a pod, with `more` variables of the test's world."""
        pod = self.rendering.pods()[name]
        [container] = pod["containers"]
        key = f"{name}-{replica}"
        self._listeners[key] = self._ports_of(container) if replica else self.ports
        places = self._mount(pod, container, self.directory / key)
        environment = {it["name"]: self._value(it, places, key) for it in container["env"]}
        words = [_expanded(word, environment, places) for word in container["command"]]
        self.inside[key] = {"environment": {**environment, **more}, "places": places}
        log = self.directory / f"{key}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.command(container | {"command": words}, places, {**environment, **more}),
                env={**_image(self.directory), **environment, **more},
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.running[key] = Container(process, log)
        return self.running[key]

    def command(
        self, container: Document, places: dict[str, str], environment: dict[str, str]
    ) -> list[str]:
        """What starts a container."""
        assert container["command"][0] == "python"
        return [sys.executable, *container["command"][1:], *container.get("args", [])]

    def stop(self) -> None:
        for container in self.running.values():
            container.process.kill()
            container.process.wait()
        self._taken.release()

    def address(self, port: int, pod: str = "") -> str:
        """Where a port of a manifest is here; that of one pod, or else of its Service."""
        return f"127.0.0.1:{(self._listeners[pod] if pod else self.ports)[port]}"

    def replicas(self, name: str) -> list[str]:
        """The pods of this name that were started."""
        return [pod for pod in self.running if pod.rpartition("-")[0] == name]

    def await_probe(self, name: str, kind: str) -> None:
        """Probes all replicas until each succeeds; fails where one ends, or the kubelet gave up."""
        container = self.rendering.pods()[name]["containers"][0]
        deadline = time.monotonic() + PATIENCE_S
        for pod in self.replicas(name):
            while not self.probe(pod, container, kind):
                running = self.running[pod]
                assert running.process.poll() is None, running.words
                assert time.monotonic() < deadline, running.words
                time.sleep(_POLL_S)

    def probe(self, pod: str, container: Document, kind: str) -> bool:
        probe = container[f"{kind}Probe"]
        if "grpc" in probe:
            return self._ask_grpc(pod, probe["grpc"], probe["timeoutSeconds"])
        return self._ask_http(pod, container, probe["httpGet"], probe["timeoutSeconds"])

    def _ports_of(self, container: Document) -> dict[int, int]:
        """Ports of its own for one more replica."""
        free = self._taken.take(
            {str(port["containerPort"]): 0 for port in container.get("ports", [])}
        )
        return {int(port): mapped for port, mapped in free.items()}

    def _ask_grpc(self, pod: str, probe: Document, timeout_s: float) -> bool:
        with grpc.insecure_channel(self.address(probe["port"], pod)) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest(service=probe["service"])
            try:
                answer = stub.Check(request, timeout=timeout_s)
            except grpc.RpcError as error:
                if error.code() in _PASSING:
                    return False
                raise
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def _ask_http(self, pod: str, container: Document, probe: Document, timeout_s: float) -> bool:
        named = {port["name"]: port["containerPort"] for port in container["ports"]}
        url = f"http://{self.address(named[probe['port']], pod)}{probe['path']}"
        try:
            with urllib.request.urlopen(url, timeout=timeout_s) as answer:
                return 200 <= answer.status < 400
        except urllib.error.HTTPError as error:
            if error.code >= _SERVER_ERROR:
                return False
            raise
        except OSError:
            return False

    def _mount(self, pod: Document, container: Document, place: Path) -> dict[str, str]:
        """Makes the volumes; where each mount of the container is here."""
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        places = {}
        for mount in container["volumeMounts"]:
            volume = volumes[mount["name"]]
            if claim := volume.get("persistentVolumeClaim"):
                here = self.directory / "claims" / claim["claimName"]
            else:
                here = place / mount["name"]
            here.mkdir(parents=True, exist_ok=True)
            if secret := volume.get("secret"):
                self._write_secret(secret, here)
            places[mount["mountPath"]] = str(here)
        return places

    def _write_secret(self, volume: Document, place: Path) -> None:
        content = self.secrets[volume["secretName"]]
        items = volume.get("items", [{"key": key, "path": key} for key in content])
        for item in items:
            path = place / item["path"]
            path.write_text(content[item["key"]])
            path.chmod(volume["defaultMode"])

    def _value(self, variable: Document, places: Mapping[str, str], pod: str) -> str:
        if field := variable.get("valueFrom", {}).get("fieldRef"):
            assert field == {"fieldPath": "metadata.name"}
            return pod
        if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
            return self.secrets[reference["name"]][reference["key"]]
        value = str(variable["value"])
        for path, here in places.items():
            if value == path or value.startswith(f"{path}/"):
                return here + value.removeprefix(path)
        for port in self._listeners[pod]:
            value = value.replace(f"0.0.0.0:{port}", self.address(port, pod))
        for port in self.ports:
            for host in self.hosts:
                value = value.replace(f"{host}:{port}", self.address(port))
        return value


def _expanded(word: str, environment: Mapping[str, str], places: Mapping[str, str]) -> str:
    """A word of a command with variables in place of $(NAME), and a path where that is here."""
    for name, value in environment.items():
        word = word.replace(f"$({name})", value)
    for path, here in places.items():
        if word.startswith(f"{path}/"):
            return here + word.removeprefix(path)
    return word


def _image(directory: Path) -> dict[str, str]:
    """What the image gives every process; no more than that comes from the test's own."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "generated", ROOT / "sdk"))),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def key_file() -> str:
    """Keys that encrypt secrets, as a platform engineer makes them."""
    return f"k-1 {base64.b64encode(os.urandom(32)).decode()}\n"


def public_certificate(host: str) -> dict[str, str]:
    """A Secret of type kubernetes.io/tls that browsers would trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    chain = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = chain.public_bytes(serialization.Encoding.PEM)
    return {"tls.crt": public.decode(), "tls.key": private.decode()}
