"""The network policies: exactly the edges of the mesh, and nobody else's."""

import pytest

from tests.deploy.rendered import SERVICES, Document, Helm, Rendering

# Who dials whom inside the namespace, and on which ports; all else is refused.
EDGES = {
    ("workspace", "controlplane"): {7780, 7781},
    ("workloads", "controlplane"): {7780, 7781},
    ("gateway", "controlplane"): {7780, 7781},
    ("gateway", "workspace"): {7791},
    ("workspace", "workloads"): {7801},
}
LISTENERS = {7780, 7781, 7782, 7783, 7790, 7791, 7792, 7793, 7801, 7802, 7803, 8780, 8782, 8783}


class Network:
    """Decides as Kubernetes does: who is selected by a policy may do what some policy allows."""

    def __init__(self, rendering: Rendering) -> None:
        self._policies = [
            it["spec"]
            for it in rendering.of("NetworkPolicy")
            if it["metadata"]["namespace"] == "weft"
        ]
        self._labels = {
            service: rendering.controller(service)["spec"]["template"]["metadata"]["labels"]
            for service in SERVICES
        }

    def allows(self, source: str, target: str, port: int) -> bool:
        """Between two services of the mesh, on a port of the target."""
        return self._lets("egress", source, target, port) and self._lets(
            "ingress", target, source, port
        )

    def lets_out(self, source: str, port: int) -> bool:
        """To an address outside of the cluster."""
        return any("to" not in rule for rule in self._rules("egress", source, port))

    def lets_in(self, target: str, port: int) -> bool:
        """From an address outside of the cluster."""
        return any("from" not in rule for rule in self._rules("ingress", target, port))

    def _lets(self, direction: str, pod: str, peer: str, port: int) -> bool:
        side = {"egress": "to", "ingress": "from"}[direction]
        return any(
            side not in rule or any(self._is(peer, selector) for selector in rule[side])
            for rule in self._rules(direction, pod, port)
        )

    def _rules(self, direction: str, pod: str, port: int) -> list[Document]:
        selected = [it for it in self._policies if self._is(pod, it)]
        assert any(direction.capitalize() in it["policyTypes"] for it in selected)
        rules = [rule for it in selected for rule in it.get(direction, [])]
        return [rule for rule in rules if port in {it["port"] for it in rule["ports"]}]

    def _is(self, pod: str, selector: Document) -> bool:
        if "podSelector" not in selector or "namespaceSelector" in selector:
            return False
        wanted = selector["podSelector"].get("matchLabels", {})
        return bool(wanted.items() <= self._labels[pod].items())


@pytest.fixture(params=["nothing said", "committed", "everything"])
def network(request: pytest.FixtureRequest, helm: Helm) -> Network:
    return Network(helm.renderings[request.param])


def test_the_mesh_has_its_edges_and_no_other(network: Network) -> None:
    edges = {
        (source, target): ports
        for source in SERVICES
        for target in SERVICES
        if (ports := {port for port in LISTENERS if network.allows(source, target, port)})
    }
    assert edges == EDGES


def test_people_reach_the_edge_listeners_alone(helm: Helm) -> None:
    network = Network(helm.renderings["committed"])
    reached = {(it, port) for it in SERVICES for port in LISTENERS if network.lets_in(it, port)}
    assert reached == {("controlplane", 7780), ("workspace", 7790), ("gateway", 8780)}


def test_edges_can_be_narrowed(helm: Helm) -> None:
    network = Network(helm.renderings["everything"])
    assert not any(network.lets_in(it, port) for it in SERVICES for port in LISTENERS)
    for service in SERVICES:
        outside = {port for port in (53, 443, 5432, 6443) if network.lets_out(service, port)}
        assert outside == {53}


@pytest.mark.parametrize(
    ("service", "ports"),
    [
        ("controlplane", {53, 443, 5432}),
        ("workspace", {53, 443, 5432}),
        ("workloads", {53, 443, 6443}),
        ("gateway", {53}),
    ],
)
def test_who_leaves_the_cluster(helm: Helm, service: str, ports: set[int]) -> None:
    network = Network(helm.renderings["committed"])
    assert {
        port for port in (22, 53, 80, 443, 5432, 6443) if network.lets_out(service, port)
    } == ports


def test_every_address_that_a_server_is_told_is_an_edge(helm: Helm) -> None:
    rendering = helm.renderings["committed"]
    network = Network(rendering)
    hosts = {f"weft-{service}.weft.svc": service for service in SERVICES}
    for source in SERVICES:
        [container] = rendering.controller(source)["spec"]["template"]["spec"]["containers"]
        for variable in container["env"]:
            host, _, port = variable.get("value", "").rpartition(":")
            if host in hosts and hosts[host] != source:
                assert network.allows(source, hosts[host], int(port)), variable


def test_provisioned_workspaces_dial_what_the_charts_own_does(helm: Helm) -> None:
    """All but a database: theirs is in their volume."""
    rendering = helm.renderings["everything"]
    [policy] = [
        it["spec"]
        for it in rendering.of("NetworkPolicy")
        if it["metadata"]["namespace"] == "weft-workspaces"
    ]
    own = rendering.one("NetworkPolicy", "weft-workspace")["spec"]

    def ports(spec: Document, direction: str) -> set[int]:
        return {port["port"] for rule in spec[direction] for port in rule["ports"]}

    assert policy["policyTypes"] == own["policyTypes"]
    assert ports(policy, "ingress") == ports(own, "ingress")
    assert ports(policy, "egress") == ports(own, "egress") - {5432}
    # Into the mesh's own namespace alone, or into what the values name.
    for rule in policy["egress"][1:]:
        assert rule["to"]
