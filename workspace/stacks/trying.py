"""Tries components, as the runs that use them will: see `checks` for what comes of it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import grpc

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.egress import Egress, EgressPolicy
from weftapi.common.v1 import types_pb2
from weftapi.workloads.v1 import workloads_pb2
from workspace import names
from workspace.config import WorkspaceSettings
from workspace.connectors.desk import ConnectorDesk
from workspace.connectors.model import Access, Issued, RegistryLogin, Wanted
from workspace.connectors.wire import Wire
from workspace.launching.ports import WorkloadManagers, why_none
from workspace.operations import service_connectors as connector_operations
from workspace.secrets.keeper import SecretKeeper
from workspace.stacks import configs
from workspace.stacks.checks import Check, FailedCheckError, Report
from workspace.stacks.flavors import BUILT_IN
from workspace.stacks.opening_stores import StoreOpener
from workspace.stacks.orchestrators import limits_of
from workspace.stacks.pods import pod_of
from workspace.stacks.stores import kind_of, resource_of
from workspace.stacks.trying_registries import registry_of, try_push
from workspace.stacks.trying_stores import try_store
from workspace.store import flavors as flavor_store
from workspace.store.schema_stacks import Component
from workspace.store.stacks import Resolved

_TTL = timedelta(minutes=5)
_STORES = frozenset({"artifact_store", "log_store"})


class Trials:
    """Tries things with the means of the server; close it to end what is under way."""

    def __init__(
        self,
        database: Database,
        managers: WorkloadManagers,
        connectors: ConnectorDesk,
        secrets: SecretKeeper,
        settings: WorkspaceSettings,
        *,
        clock: Clock,
    ) -> None:
        policy = EgressPolicy(settings.egress_networks, settings.egress_ca_file)
        self._egress = Egress(policy)
        self._timeout_s = settings.connector_timeout_s
        self._wire = Wire(self._egress, timeout_s=self._timeout_s)
        directories = [settings.data_dir, *settings.store_directories]
        self._opener = StoreOpener(self._egress, policy, directories)
        self._database = database
        self._managers = managers
        self._connectors = connectors
        self._secrets = secrets
        self._clock = clock

    async def component(self, row: Component) -> list[Check]:
        """Everything that can be tried of a component."""
        report = Report(row.name, self._clock, self._timeout_s)
        fix = f"Mend it with `weft components update {row.id}`."
        if await report.attempt("config", self._config(row), remedy=fix):
            await self._try(report, row)
        return report.checks

    async def stack(self, resolved: Resolved) -> list[Check]:
        """All components at the same time, and how they go together."""
        found = await asyncio.gather(*(self.component(row) for row in resolved.components))
        return [*_together(resolved), *(check for checks in found for check in checks)]

    def close(self) -> None:
        self._egress.close()

    async def _config(self, row: Component) -> str:
        built_in = BUILT_IN.get(row.flavor)
        if built_in is None:
            flavor = await self._database.read(flavor_store.get, row.flavor)
        else:
            flavor = built_in.flavor
        configs.check(flavor.config_schema if flavor else {}, row.config)
        if row.connector:
            await self._database.read(
                connector_operations.require, row.connector, self._clock.now()
            )
        return f"It is as flavors/{row.flavor} says."

    async def _try(self, report: Report, row: Component) -> None:
        """What can be tried of flavors that come with Weft; of others nobody knows the meaning."""
        if row.flavor not in BUILT_IN:
            return
        if row.type in _STORES:
            await self._try_store(report, row)
        elif row.type == "container_registry":
            remedy = "Give a login, or a connector, that may push to this repository."
            await report.attempt("push", self._push(row), remedy=remedy)
        elif row.type == "orchestrator":
            remedy = "Ask for less, or enroll a workload manager that has it."
            await report.attempt("submit", self._submit(row), remedy=remedy)
        elif "uri" in row.config or "url" in row.config:
            remedy = "See that the address is right, and that this server may reach it."
            await report.attempt("reach", self._reach(row), remedy=remedy)

    async def _try_store(self, report: Report, row: Component) -> None:
        opened = []

        async def open_it() -> str:
            issue = (lambda: self._issue(row)) if row.connector else None
            opened.append(await self._opener.open(row, await self._plain(row), issue))
            return f"{opened[0].root} can be opened."

        remedy = "See that the address is right, and that this server may reach it."
        if await report.attempt("open", open_it(), remedy=remedy):
            await try_store(report, opened[0])

    async def _push(self, row: Component) -> str:
        config = await self._plain(row)
        if not row.connector:
            return await try_push(self._wire, registry_of(config))
        login = (await self._issue(row)).credentials
        if not isinstance(login, RegistryLogin):
            raise FailedCheckError("The connector issues no logins to registries.")
        return await try_push(self._wire, registry_of(config, login.username, login.password))

    async def _submit(self, row: Component) -> str:
        limits = limits_of(row)
        manager = self._managers.choose(limits.manager)
        if manager is None:
            others = ", ".join(map(names.manager, self._managers.all()))
            raise FailedCheckError(
                why_none(limits.manager),
                f"Name one of those that do: {others}."
                if others
                else "Enroll one with `weft workspaces enroll`.",
            )
        workload = workloads_pb2.Workload(
            kind=workloads_pb2.WORKLOAD_KIND_RUNNER,
            args=("-m", "weft.runner"),
            env=limits.environment,
            image=limits.image,
            pod=pod_of(limits.pod),
            resources=limits.resources(),
            timeout=limits.timeout(),
            environment=types_pb2.PythonEnvironment(),
        )
        request = workloads_pb2.ValidateWorkloadRequest(workload=workload)
        try:
            answer = await manager.calls().ValidateWorkload(request, timeout=self._timeout_s)
        except grpc.aio.AioRpcError as error:
            words = error.details() or error.code().name
            raise FailedCheckError(f"The workload manager says: {words}") from error
        return _taken(row, answer, names.manager(manager.uid))

    async def _reach(self, row: Component) -> str:
        url = str(row.config.get("uri") or row.config["url"])
        if not url.startswith(("http://", "https://")):
            return "Only addresses of http are knocked at; this one was not tried."
        answer = await self._wire.send(row.name, "HEAD", url)
        return f"{url.split('/')[2]} answers {answer.status} to a HEAD."

    async def _plain(self, row: Component) -> dict[str, Any]:
        """The configuration with its secrets in it, as whoever wrote it may read them."""
        values = {
            secret: await self._secrets.values(secret, reader=row.creator)
            for secret in {secret for secret, _ in configs.references(row.config)}
        }
        return configs.filled(row.config, values)

    async def _issue(self, row: Component) -> Issued:
        connector = await self._database.read(
            connector_operations.require, row.connector, self._clock.now()
        )
        type_, id_ = resource_of(row)
        return await self._connectors.issue(connector, Wanted(type_, id_, Access.WRITE, _TTL))


def _taken(row: Component, answer: workloads_pb2.ValidateWorkloadResponse, manager: str) -> str:
    if answer.problems:
        raise FailedCheckError(" ".join(answer.problems))
    wanted = "kubernetes" if kind_of(row) == "kubernetes" else "process"
    if answer.engine != wanted:
        raise FailedCheckError(
            f"{manager} executes runs by {answer.engine}, not by {wanted}.",
            f"Take the flavor of {answer.engine}, or name another workload manager.",
        )
    return f"{manager} would take such a run; it executes them by {answer.engine}."


def _together(resolved: Resolved) -> Sequence[Check]:
    """What is wrong although each component is right."""
    found = resolved.stack.components
    checks = []
    if "image_builder" in found and "container_registry" not in found:
        words = "There is an image builder, and no container registry for its images."
        checks.append(Check("", "together", False, words, "Add a container registry."))
    store, runs = resolved.default("artifact_store"), resolved.default("orchestrator")
    if store and runs and (kind_of(store), kind_of(runs)) == ("local", "kubernetes"):
        words = "Pods do not see the directory in which artifacts would be kept."
        checks.append(Check("", "together", False, words, "Take an artifact store in a bucket."))
    return checks or [Check("", "together", True, "The parts go together.")]
