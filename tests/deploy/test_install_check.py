"""`weft install check` and `values`, on real databases, hosts and stores, and a fake cluster."""

import asyncio
import contextlib
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml
from click.testing import CliRunner, Result

from controlplane.installing.cluster import MADE
from tests.controlplane.fake_issuer import fake_issuer
from tests.deploy.node import public_certificate
from tests.deploy.rendered import Document, Helm, ask_helm
from tests.postgres import Server
from weft.cli import weft

DISCOVERY = "/.well-known/openid-configuration"


def run(*arguments: str, standard_input: str = "") -> Result:
    return CliRunner().invoke(
        weft, ["install", *arguments], input=standard_input, standalone_mode=False
    )


def check(*arguments: str) -> tuple[int, dict[str, Document]]:
    """The exit code, and what was found, by the checks' names."""
    result = run("check", "-o", "json", *arguments)
    found = {finding["check"]: finding for finding in json.loads(result.stdout)}
    return int(result.return_value), found


class TestDatabase:
    def test_a_good_one(self, postgres_server: Server) -> None:
        code, found = check("--db", postgres_server.url("postgres"))
        assert code == 0
        names = sorted(name.replace(" /postgres", "") for name in found)
        assert names == ["database", "database TLS", "database clock", "database rights"]
        [version] = [it for it in found.values() if "PostgreSQL 15" in it["detail"]]
        assert "UTF8" in version["detail"]

    def test_nothing_is_left_behind(self, postgres_server: Server) -> None:
        check("--db", postgres_server.url("postgres"))

        async def tables() -> list[str]:
            connection = await asyncpg.connect(postgres_server.url("postgres"))
            rows = await connection.fetch("SELECT relname FROM pg_class WHERE relname ~ '^weft_'")
            await connection.close()
            return [str(row["relname"]) for row in rows]

        assert asyncio.run(tables()) == []

    def test_one_without_rights_or_a_listener(self, postgres_server: Server) -> None:
        asyncio.run(_make_reader(postgres_server))
        url = postgres_server.url("postgres").replace("postgres@", "reader:secret-word@", 1)
        code, found = check("--db", url, "--db", "postgresql://u:secret-word@127.0.0.1:1/d")
        assert code == 1
        [rights] = [it for name, it in found.items() if name.endswith("rights")]
        assert not rights["ok"]
        assert "permission denied" in rights["detail"]
        assert "CREATE" in rights["fix"]
        assert not found["database 127.0.0.1/d"]["ok"]
        assert "secret-word" not in json.dumps(found)


async def _make_reader(server: Server) -> None:
    connection = await asyncpg.connect(server.url("postgres"))
    with contextlib.suppress(asyncpg.DuplicateObjectError):
        await connection.execute("CREATE ROLE reader LOGIN PASSWORD 'secret-word'")
    await connection.close()


class Site:
    """A TLS server of a certificate, which speaks the protocols that it is told to."""

    def __init__(self, directory: Path, protocols: list[str]) -> None:
        pair = public_certificate("localhost")
        self.ca = directory / "ca.pem"
        self.ca.write_text(pair["tls.crt"])
        key = directory / "key.pem"
        key.write_text(pair["tls.key"])
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.ca, key)
        context.set_alpn_protocols(protocols)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._context = context
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._socket.accept()
                with plain, contextlib.suppress(OSError):
                    self._context.wrap_socket(plain, server_side=True).close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class TestHost:
    @pytest.mark.parametrize(("protocols", "code"), [(["h2"], 1), (["http/1.1"], 1)])
    def test_names_certificates_and_http2(
        self, tmp_path: Path, protocols: list[str], code: int
    ) -> None:
        site = Site(tmp_path, protocols)
        try:
            where = f"localhost:{site.port}"
            answered, found = check("--grpc-host", where, "--ca", str(site.ca))
            untrusted, strangers = check("--grpc-host", where)
        finally:
            site.close()
        assert found["dns localhost"]["ok"]
        # The tests' certificates live for a day, which is no way to begin.
        assert (answered, untrusted) == (code, 1)
        assert "renew" in found["certificate localhost"]["fix"]
        assert found["http2 localhost"]["ok"] is (protocols == ["h2"])
        assert not strangers["certificate localhost"]["ok"]
        assert "public CA" in strangers["certificate localhost"]["fix"]

    def test_who_is_not_there(self) -> None:
        code, found = check("--grpc-host", "no-such-host.invalid", "--grpc-host", "localhost:1")
        assert code == 1
        assert "DNS record" in found["dns no-such-host.invalid"]["fix"]
        assert "port 1" in found["certificate localhost"]["fix"]


class TestIssuer:
    async def test_discovery_and_keys(self, tmp_path: Path) -> None:
        async with fake_issuer(tmp_path) as issuer:
            ends = {
                f"{name}_endpoint": f"{issuer.url}/{name}" for name in ("authorization", "token")
            }
            document = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys", **ends}
            document["code_challenge_methods_supported"] = ["S256"]
            issuer.answers[DISCOVERY] = json.dumps(document).encode()
            arguments = (
                *(
                    "--oidc-issuer",
                    issuer.url,
                    "--host",
                    "localhost:1",
                    "--grpc-host",
                    "localhost:1",
                ),
                *("--ca", str(tmp_path / "ca.pem"), "--egress-network", "127.0.0.0/8"),
            )
            code, found = await asyncio.to_thread(check, *arguments)
            issuer.answers[DISCOVERY] = b'{"issuer": "https://other"}'
            bad, wrong = await asyncio.to_thread(check, *arguments)
        assert code == 1  # nobody listens at the host
        assert found["issuer discovery"]["ok"]
        assert found["issuer keys"]["ok"]
        redirect = "https://localhost:1/oauth2/callback/ORGANIZATION/PROVIDER"
        assert found["redirect URI"]["detail"] == f"register {redirect}"
        assert bad == 1
        assert "another issuer's" in wrong["issuer discovery"]["detail"]


class Api(BaseHTTPRequestHandler):
    """A FAKE API server: what `weft install check` asks of one."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        classes = {
            "/apis/storage.k8s.io/v1/storageclasses": ("StorageClass", "fast"),
            "/apis/networking.k8s.io/v1/ingressclasses": ("IngressClass", "traefik"),
        }
        if path.startswith("/version"):
            version = {"major": "1", "minor": "36", "gitVersion": "v1.36.0", "platform": "linux"}
            words = ("buildDate", "compiler", "gitCommit", "gitTreeState", "goVersion")
            self._answer(version | dict.fromkeys(words, "-"))
            return
        kind, name = classes[path]
        item: Document = {"metadata": {"name": name}, "spec": {}}
        if kind == "StorageClass":
            item |= {"provisioner": "example.com/disks"}
        self._answer({"kind": f"{kind}List", "metadata": {}, "items": [item]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        wanted = body["spec"]["resourceAttributes"]
        self.server.asked.append(wanted)  # type: ignore[attr-defined]
        refused = self.server.refused  # type: ignore[attr-defined]
        self._answer(body | {"status": {"allowed": wanted["resource"] not in refused}}, 201)

    def _answer(self, body: Document, code: int = 200) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.asked, server.refused = [], set()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    cluster = {"server": f"http://127.0.0.1:{server.server_port}"}
    server.kubeconfig = tmp_path / "kubeconfig"
    server.kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": cluster}],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )
    )
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class TestCluster:
    def test_rights_storage_and_ingress(self, api: Any) -> None:
        code, found = check("--kubeconfig", str(api.kubeconfig), "--namespace", "ml")
        assert code == 0
        assert found["kubernetes"]["detail"] == "v1.36.0"
        assert found["ingress"]["facts"] == {"ingressClass": "traefik"}
        assert found["storage"]["facts"] == {"storageClass": "fast"}
        asked = {(it["group"], it["resource"]) for it in api.asked}
        assert asked == {*MADE, ("", "pods")}
        assert {it.get("namespace") for it in api.asked} == {"ml", None}
        api.refused.add("roles")
        code, found = check("--kubeconfig", str(api.kubeconfig))
        assert code == 1
        assert found["rights"]["detail"] == "none to make roles"
        api.refused = {"clusterroles"}
        _, found = check("--kubeconfig", str(api.kubeconfig))
        assert "clusterRights.nodes=false" in found["rights"]["fix"]

    def test_a_cluster_that_is_away(self, api: Any) -> None:
        text = api.kubeconfig.read_text()
        api.kubeconfig.write_text(text.replace(str(api.server_port), "1"))
        code, found = check("--kubeconfig", str(api.kubeconfig))
        assert code == 1
        assert "kubectl" in found["kubernetes"]["fix"]

    def test_what_is_asked_for_is_what_the_chart_makes(self, helm: Helm) -> None:
        kinds = {it["kind"] for it in helm.renderings["everything"].documents}
        # Made by others' operators, where they are; and namespaces, which `createNamespace` is for.
        kinds -= {"ServiceMonitor", "HTTPRoute", "GRPCRoute", "BackendTLSPolicy", "Namespace"}
        plurals = {
            f"{kind.lower()}es" if kind.endswith("s") else
            f"{kind.lower()[:-1]}ies" if kind.endswith("y") else f"{kind.lower()}s"
            for kind in kinds
        }  # fmt: skip
        assert {resource for _, resource in MADE} >= plurals
        # The gateway may be a Deployment, and the notes make Secrets.
        assert {resource for _, resource in MADE} - plurals <= {"deployments", "secrets"}


class TestStore:
    def test_it_is_written_and_read(self, tmp_path: Path) -> None:
        (tmp_path / "store").mkdir()
        code, found = check("--store", f"file://{tmp_path}/store")
        assert code == 0
        assert found["store"]["facts"] == {"store": f"file://{tmp_path}/store"}
        assert not list((tmp_path / "store").rglob("*.install-check*"))

    def test_one_that_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        code, found = check("--store", f"file://{tmp_path}/file")
        assert code == 1
        assert "credentials" in found["store"]["fix"]


class TestWords:
    def test_lines_for_people(self, tmp_path: Path) -> None:
        (tmp_path / "store").mkdir()
        result = run("check", "--store", f"file://{tmp_path}/store")
        assert result.output == f"✓ store  file://{tmp_path}/store, written and read\n"

    @pytest.mark.parametrize(
        ("arguments", "word"),
        [((), "say what to try"), (("--oidc-issuer", "https://idp.example"), "--host")],
    )
    def test_what_cannot_be_tried(self, arguments: tuple[str, ...], word: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "weft", "install", "check", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert word in done.stderr


FACTS: dict[str, list[Document]] = {
    "nothing": [],
    "ingress": [{"facts": {"host": "ml.example.com", "ingressClass": "traefik"}}],
    "balancers": [{"facts": {"host": "ml.example.com", "ingressClass": ""}}],
    "no class by default": [{"facts": {"storageClass": "fast", "store": "s3://a/b"}}],
    "neither": [{"facts": {"storageClass": "1", "ingressClass": "", "host": "1.2"}}],
}


def values_of(found: list[Document]) -> str:
    result = run("values", "--found", "-", standard_input=json.dumps(found))
    assert result.exception is None, result.exception
    return result.output


@pytest.fixture(scope="module")
def rendered(helm: Helm) -> Helm:
    """The `helm` fixture says whether there is one."""
    assert helm
    return ask_helm({name: yaml.safe_load(values_of(found)) for name, found in FACTS.items()})


@pytest.mark.parametrize("name", sorted(FACTS))
def test_the_chart_takes_the_values(name: str, rendered: Helm) -> None:
    assert name in rendered.renderings, rendered.problems.get(name)
    text = values_of(FACTS[name])
    assert "password" not in yaml.safe_dump(yaml.safe_load(text))
    rendering = rendered.renderings[name]
    facts = FACTS[name][0]["facts"] if FACTS[name] else {}
    host = facts.get("host", "weft.example.com")
    [container] = rendering.pods()["weft-controlplane"]["containers"]
    told = {it["name"]: it.get("value", "") for it in container["env"]}
    assert told["WEFT_CONTROLPLANE_PUBLIC_URL"] == f"https://{host}"
    assert f"api.{host}" in told["WEFT_CONTROLPLANE_HOST_NAMES"].split(",")
    types = {it["spec"]["type"] for it in rendering.of("Service")}
    classes = {it["spec"].get("ingressClassName") for it in rendering.of("Ingress")}
    if facts.get("ingressClass") == "":
        assert (classes, "LoadBalancer" in types) == (set(), True)
    else:
        assert classes == {facts.get("ingressClass", "nginx")}
        assert types == {"ClusterIP"}
    claims = {it["spec"].get("storageClassName") for it in rendering.of("PersistentVolumeClaim")}
    assert claims == {facts.get("storageClass")}


def test_options_hold_over_what_was_found() -> None:
    result = run("values", "--host", "a.example.com", "--image", "reg/weft", "--store", "gs://b")
    values = yaml.safe_load(result.output)
    assert values["publicUrl"] == "https://a.example.com"
    assert values["image"]["repository"] == "reg/weft"
    assert values["workspace"]["artifactStore"] == "gs://b"


@pytest.mark.parametrize("host", ["https://a", "a b", "", "a\nb: c", "-a", "A.example.com"])
def test_what_is_no_host_is_refused(host: str) -> None:
    found = json.dumps([{"facts": {"host": host}}])
    result = run("values", "--found", "-", standard_input=found)
    assert "host name" in str(result.exception)


@pytest.mark.parametrize("text", ["", "{}[", "[1]", '[{"fact": {}}]', "[[]]"])
def test_what_no_check_printed_is_refused(text: str) -> None:
    result = run("values", "--found", "-", standard_input=text)
    assert "install check" in str(result.exception)
