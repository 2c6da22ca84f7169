"""A real cluster in the place of the fake: WEFT_TEST_KUBECONFIG names the way to it.

What only the fake can be told to do (faults, its store, its node) skips the test that asks for it.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any, NoReturn, Self
from uuid import uuid4

import pytest
from kubernetes import client, config

from workloads.launchers.kubernetes.manifests import MANAGER

KUBECONFIG = os.environ.get("WEFT_TEST_KUBECONFIG", "")
_GONE_S = 120


class RealCluster:
    """One namespace of it; only what one test made is seen, and deleted after it."""

    def __init__(self) -> None:
        self.kubeconfig = Path(KUBECONFIG)
        self.namespace = os.environ.get("WEFT_TEST_KUBE_NAMESPACE", "weft-runs")
        # With `python` and `sh` on its path.
        self.image = os.environ["WEFT_TEST_KUBE_IMAGE"]
        self.manager = f"test-{uuid4().hex[:12]}"
        self._client = config.new_client_from_config(KUBECONFIG)

    def jobs(self) -> list[dict[str, Any]]:
        return self._list(client.BatchV1Api(self._client).list_namespaced_job)

    def pods(self) -> list[dict[str, Any]]:
        return self._list(client.CoreV1Api(self._client).list_namespaced_pod)

    def __getattr__(self, name: str) -> NoReturn:
        pytest.skip(f"only the fake cluster has {name!r}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        api = client.BatchV1Api(self._client)
        for job in self.jobs():
            name = job["metadata"]["name"]
            api.delete_namespaced_job(name, self.namespace, propagation_policy="Foreground")
        async with asyncio.timeout(_GONE_S):
            # The next test takes the same names.
            while self.jobs() or self.pods():  # noqa: ASYNC110  # nobody tells us
                await asyncio.sleep(0.2)
        self._client.close()

    def _list(self, call: Any) -> list[dict[str, Any]]:
        selector = f"{MANAGER}={self.manager}"
        answer = call(self.namespace, label_selector=selector, _preload_content=False)
        return json.loads(answer.data)["items"]
