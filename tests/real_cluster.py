"""A Kubernetes cluster as everybody sees it: through its API, by a kubeconfig, and no other way.

WEFT_TEST_KUBECONFIG names that of a real one. CONTRIBUTING.md says how tests run there.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from kubernetes import client, config

from meshtest.kubernetes.cluster import FakeCluster
from workloads.launchers.kubernetes.manifests import MANAGER, SPEC

KUBECONFIG = os.environ.get("WEFT_TEST_KUBECONFIG", "")
_PATIENCE_S = 120
# There is one, or nobody asked us.
_THERE_ALREADY = (HTTPStatus.CONFLICT, HTTPStatus.FORBIDDEN)
_OVER = ("Succeeded", "Failed")
Object = dict[str, Any]


class Cluster:
    """One namespace of a cluster; only what one manager has made is seen, and cleared away."""

    def __init__(self, kubeconfig: Path, *, namespace: str, image: str) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        # With `python` and `sh` on its path; for whole runs also with the SDK in it.
        self.image = image
        self.manager = f"test-{uuid4().hex[:12]}"
        self._client = config.new_client_from_config(str(kubeconfig))

    @classmethod
    def named(cls) -> Self:
        """The one that the environment names, with the namespace in it."""
        namespace = os.environ.get("WEFT_TEST_KUBE_NAMESPACE", "weft-runs")
        image = os.environ.get("WEFT_TEST_KUBE_IMAGE", "")
        if not image:
            told = "WEFT_TEST_KUBE_IMAGE names no image for pods: see CONTRIBUTING.md"
            pytest.exit(told, returncode=pytest.ExitCode.USAGE_ERROR)
        named = cls(Path(KUBECONFIG), namespace=namespace, image=image)
        named._make_namespace()
        return named

    def _make_namespace(self) -> None:
        """As docs/kubernetes.md has it; whoever may not make one has one."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        body = {"metadata": {"name": self.namespace, "labels": labels}}
        try:
            client.CoreV1Api(self._client).create_namespace(body)
        except client.ApiException as error:
            if error.status not in _THERE_ALREADY:
                raise

    def address_of_this_machine(self) -> str:
        """By which pods reach it, as far as it can be told: the one from which it reaches a node,
        or the API server where nobody may see nodes."""
        host = urlsplit(self._client.configuration.host).hostname
        with contextlib.suppress(client.ApiException):
            nodes = client.CoreV1Api(self._client).list_node(_preload_content=False)
            addresses = json.loads(nodes.data)["items"][0]["status"]["addresses"]
            host = next(each["address"] for each in addresses if each["type"] == "InternalIP")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            way.connect((host, 1))  # sends nothing
            return str(way.getsockname()[0])

    def jobs(self, *about: str) -> list[Object]:
        """The Jobs of workloads whose specification holds these texts."""
        found = self._list(client.BatchV1Api(self._client).list_namespaced_job)
        return [
            job
            for job in found
            if all(text in job["metadata"]["annotations"][SPEC] for text in about)
        ]

    def pods(self, *about: str) -> list[Object]:
        """The pods of such Jobs."""
        found = self._list(client.CoreV1Api(self._client).list_namespaced_pod)
        if not about:
            return found
        jobs = {job["metadata"]["uid"] for job in self.jobs(*about)}
        return [pod for pod in found if pod["metadata"]["ownerReferences"][0]["uid"] in jobs]

    def wait_over(self, *about: str) -> None:
        """Waits until no pod of such Jobs is executed any more."""

        def living() -> list[Object]:
            return [pod for pod in self.pods(*about) if pod["status"]["phase"] not in _OVER]

        _wait_none(living)

    def clear(self) -> None:
        """Deletes all of it, and waits until it has gone: the next test takes the same names."""
        api = client.BatchV1Api(self._client)
        for job in self.jobs():
            name = job["metadata"]["name"]
            # Its manager deletes what is old, too, and may be faster.
            with contextlib.suppress(client.exceptions.NotFoundException):
                api.delete_namespaced_job(name, self.namespace, propagation_policy="Foreground")
        _wait_none(lambda: [*self.jobs(), *self.pods()])

    def close(self) -> None:
        self._client.close()

    def _list(self, call: Any) -> list[Object]:
        selector = f"{MANAGER}={self.manager}"
        answer = call(self.namespace, label_selector=selector, _preload_content=False)
        found: list[Object] = json.loads(answer.data)["items"]
        return found


def _wait_none(left: Callable[[], list[Object]]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while found := left():
        assert time.monotonic() < deadline, [each["metadata"]["name"] for each in found]
        # The cluster is asked again: a watch would be one more thing to go wrong.
        time.sleep(0.2)


class RealCluster(Cluster):
    """In the place of the fake in tests of launchers."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.clear()
        self.close()


# What either of them lets tests do.
AnyCluster = FakeCluster | RealCluster
