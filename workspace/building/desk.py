"""What a stack has for builds by workloads: who builds, where images go, and the login there."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import structlog

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import FailedPrecondition, MeshError, PermissionDenied
from meshkit.session import Session
from weftapi.workloads.v1 import workloads_pb2
from workspace import names
from workspace.access import Policies
from workspace.building import program, recipes
from workspace.connectors.desk import ConnectorDesk
from workspace.connectors.model import MAX_TTL, Access, RegistryLogin, Wanted
from workspace.launching.ports import WorkloadManagers, absent_manager
from workspace.operations import service_connectors as connector_operations
from workspace.operations.builds import NewBuild
from workspace.operations.refusals import absent, illegal, invalid
from workspace.secrets.keeper import SecretKeeper
from workspace.stacks import configs
from workspace.stacks.checks import FailedCheckError
from workspace.stacks.orchestrators import Limits, limits_of, orchestrator_of
from workspace.stacks.pods import pod_of
from workspace.stacks.stores import resource_of
from workspace.stacks.trying_registries import registry_of
from workspace.store import build_launches as launch_store
from workspace.store import stacks as stack_store
from workspace.store.schema_build_launches import BuildLaunch
from workspace.store.schema_snapshots import Build
from workspace.store.schema_stacks import Component
from workspace.store.stacks import Resolved

log = structlog.get_logger()

_BUILDER = "in-cluster-image-builder"
# Builds push at their end: a login must live until then.
_LEAST_LIFE = timedelta(minutes=20)
# Of the whole build, from when a node has taken its pod.
_TIMEOUT_S = 3600
_PATIENCE_S = 5.0
_BY_HAND = "build it where you submit: `weft image push`"


@dataclass(frozen=True, slots=True)
class _Place:
    """The parts of a stack that a build needs."""

    stack: Resolved
    registry: Component

    @property
    def root(self) -> str:
        """What all images there begin with."""
        found = registry_of(self.registry.config)
        return f"{found.host}/{found.repository}:"


class BuildDesk:
    """Judges builds before there are any, and makes their workloads."""

    def __init__(
        self,
        database: Database,
        managers: WorkloadManagers,
        connectors: ConnectorDesk,
        secrets: SecretKeeper,
        policies: Policies,
        *,
        clock: Clock,
    ) -> None:
        self._database = database
        self._managers = managers
        self._connectors = connectors
        self._secrets = secrets
        self._policies = policies
        self._clock = clock

    async def judge(self, new: NewBuild, scope: frozenset[str] | None) -> None:
        """Raises what speaks against a build whose images workloads are to build.

        `scope` holds the permissions that its creator's token is limited to, if it is.
        InvalidArgument, NotFound, FailedPrecondition `BUILD_NOT_POSSIBLE`, PermissionDenied; and
        what the registry's connector says.
        """
        self._managers.require()
        place = await self._place(new.stack)
        for uri, recipe in new.recipes.items():
            await _check(place, new.fields[uri], uri, recipe)
        await self._login(place, new.creator, scope)
        build = names.child(names.project(new.project), "builds", new.id or "new")
        bases = {recipe["base"] for recipe in new.recipes.values()}
        # One that does not answer is waited for once, however many bases there are.
        await asyncio.gather(*(self._ask_manager(place, build, base) for base in bases))

    async def request(
        self, launch: BuildLaunch, build: Build
    ) -> workloads_pb2.SubmitWorkloadRequest:
        """The workload that builds an image; raises as `judge` does, as things are now."""
        place = await self._place(build.stack)
        login = await self._login(place, build.creator, None)
        recipe = await self._database.read(launch_store.recipe_of, launch)
        if not recipe:
            # It has ended meanwhile, and nobody takes this down.
            raise illegal(launch.uri, "ENDED", "SUBMITTED")
        workload = _workload(place, build.name, recipe["base"])
        workload.labels.update({"project": build.project, "build": build.id})
        files = await asyncio.to_thread(program.files, {**recipe, "uri": launch.uri}, login)
        workload.secret_files.update(files)
        return workloads_pb2.SubmitWorkloadRequest(workload_id=launch.workload, workload=workload)

    async def manager_of(self, stack: str) -> str:
        """The uid of the manager that a stack names for its runs; empty where it names none."""
        return limits_of(await self._database.read(orchestrator_of, stack)).manager

    async def _place(self, stack: str) -> _Place:
        return await self._database.read(_place_of, stack)

    async def _login(
        self, place: _Place, creator: str, scope: frozenset[str] | None
    ) -> Mapping[str, str]:
        """A login to push with, if its creator might have it: packages may run code beside it."""
        component = place.registry
        if component.connector:
            self._require(creator, "connectors.issue", scope)
            return await self._issued(component)
        needed = {secret for secret, _ in configs.references(component.config)}
        if needed:
            self._require(creator, "secrets.access", scope)
        values = {each: await self._secrets.values(each, reader=creator) for each in needed}
        try:
            own = registry_of(configs.filled(component.config, values))
        except FailedCheckError as error:
            raise _impossible(component.name, str(error)) from error
        return {"username": own.username, "password": own.password}

    async def _issued(self, component: Component) -> Mapping[str, str]:
        now = self._clock.now()
        row = await self._database.read(connector_operations.require, component.connector, now)
        type_, id_ = resource_of(component)
        issued = await self._connectors.issue(row, Wanted(type_, id_, Access.WRITE, MAX_TTL))
        login = issued.credentials
        if not isinstance(login, RegistryLogin):
            raise _impossible(row.name, "issues no logins to registries")
        if issued.expire_time - now < _LEAST_LIFE:
            words = (
                f"issues logins for less than the {_LEAST_LIFE.seconds // 60} minutes of a build"
            )
            raise _impossible(row.name, f"{words}: give the registry a user, or {_BY_HAND}")
        return {
            "username": login.username,
            "password": login.password,
            "bearer_token": login.bearer_token,
        }

    def _require(self, creator: str, permission: str, scope: frozenset[str] | None) -> None:
        is_in_scope = scope is None or permission in scope
        if not (is_in_scope and self._policies.grants.allows(creator, permission, "")):
            raise PermissionDenied(
                "NOT_PERMITTED",
                "Who has images built must be allowed to have the login of their registry.",
                metadata={"permission": permission},
            )

    async def _ask_manager(self, place: _Place, build: str, base: str) -> None:
        """Whether workloads can build on this base; one that does not answer is asked later."""
        wanted = _limits(place).manager
        manager = self._managers.choose(wanted)
        if manager is None:
            raise absent_manager(wanted)
        request = workloads_pb2.ValidateWorkloadRequest(workload=_workload(place, build, base))
        try:
            answer = await manager.calls().ValidateWorkload(request, timeout=_PATIENCE_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                raise _impossible(base, error.details() or "is refused") from error
            log.warning("build_not_checked", error=error.code().name)
            return
        if answer.problems:
            raise _impossible(base, " ".join(answer.problems))


async def _check(place: _Place, field: str, uri: str, recipe: Mapping[str, Any]) -> None:
    if not uri.startswith(place.root):
        raise invalid(f"{field}.uri", f"must begin with {place.root}, the stack's own")
    if not recipes.is_tag(uri.removeprefix(place.root)):
        raise invalid(f"{field}.uri", f"must be {place.root} and a tag: letters, digits, . _ -")
    for path, problem in recipes.problems(recipe):
        raise invalid(f"{field}.recipe.{path}", problem)
    try:
        # It compresses what may be much: elsewhere, as others wait here.
        await asyncio.to_thread(program.files, recipe, {})
    except ValueError as error:
        raise invalid(f"{field}.recipe", str(error)) from error


def _place_of(session: Session, stack: str) -> _Place:
    resolved = stack_store.resolved(session, stack)
    if resolved is None:
        raise absent(names.stack(stack))
    builder, registry = resolved.default("image_builder"), resolved.default("container_registry")
    if builder is None or builder.flavor != _BUILDER:
        raise _impossible(names.stack(stack), f"has no image builder of the flavor {_BUILDER}")
    if registry is None:
        raise _impossible(names.stack(stack), "has no container registry")
    return _Place(resolved, registry)


def _limits(place: _Place) -> Limits:
    return limits_of(place.stack.default("orchestrator"))


def _workload(place: _Place, build: str, base: str) -> workloads_pb2.Workload:
    limits = _limits(place)
    workload = workloads_pb2.Workload(
        kind=workloads_pb2.WORKLOAD_KIND_BUILD,
        args=program.ARGS,
        image=base,
        build=build,
        pod=pod_of(limits.pod),
        # Packages are installed by processors, also those for GPUs.
        resources=limits.resources(),
    )
    workload.resources.gpu_count = 0
    workload.timeout.FromSeconds(_TIMEOUT_S)
    return workload


def _impossible(name: str, words: str) -> MeshError:
    return FailedPrecondition(
        "BUILD_NOT_POSSIBLE", f"{name}: {words}.".replace("..", "."), metadata={"resource": name}
    )
