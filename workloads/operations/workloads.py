"""Submitting, cancelling and deleting workloads."""

import asyncio
import re
from collections.abc import Iterable
from contextlib import suppress

from meshkit.errors import FailedPrecondition, FieldViolation, InvalidArgument
from workloads.feed import Feed
from workloads.launchers import Engine
from workloads.model import Secrets, Workload, WorkloadKey, WorkloadSpec
from workloads.pools import cordoned

_DEFAULT_GRACE_S = 30.0
# Names of secret files become names of files, so they must not be able to be paths.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


class Workloads:
    """The workloads of every workspace; a key says whose."""

    def __init__(self, launcher: Engine, feed: Feed) -> None:
        self._launcher = launcher
        self._feed = feed

    async def submit(
        self, key: WorkloadKey, spec: WorkloadSpec, secrets: Secrets
    ) -> tuple[Workload, int]:
        """Accepts a workload, once; answers it as it is, with its revision.

        Raises InvalidArgument, AlreadyExists, FailedPrecondition, ResourceExhausted, Unavailable.
        """
        _check(spec, secrets)
        if not self._feed.knows(key):
            self._admit(spec)
        await self._launcher.launch(key, spec, secrets)
        return self._feed.get(key)

    async def validate(self, spec: WorkloadSpec, secrets: Secrets) -> list[str]:
        """Why the engine could never execute it; raises InvalidArgument as `submit` does."""
        _check(spec, secrets)
        fit = self._launcher.lacking(spec)
        return [fit.problem] if fit and not fit.is_warning else await self._launcher.problems(spec)

    def _admit(self, spec: WorkloadSpec) -> None:
        """What was taken stays taken; the rest must have room some day, and a pool that is open.

        A step belongs to a run that is under way: it could not end without it.
        """
        fit = self._launcher.lacking(spec)
        if fit and not fit.is_warning:
            raise FailedPrecondition("RESOURCES_TOO_LARGE", fit.problem)
        pool, cordon = self._launcher.pool_of(spec)
        if cordon and spec.kind != "STEP":
            raise cordoned(pool, cordon)

    async def cancel(
        self, key: WorkloadKey, *, grace_s: float | None, reason: str
    ) -> tuple[Workload, int]:
        """Asks a workload to end; nothing where it has ended. Raises NotFound."""
        self._feed.get(key)
        grace_s = _DEFAULT_GRACE_S if grace_s is None else grace_s
        why = f"cancelled: {reason}" if reason else "cancelled by its workspace"
        await self._launcher.cancel(key, grace_s=grace_s, reason=why)
        return self._feed.get(key)

    async def delete(self, key: WorkloadKey) -> None:
        """Forgets an ended workload. Raises NotFound, FailedPrecondition."""
        self._feed.get(key)
        await self._launcher.delete(key)

    async def end_all(self, *, grace_s: float, timeout_s: float) -> None:
        """Ends every workload; returns when none is left or the time is over."""
        why = "the workload manager was stopped"
        for workload in [each for each in self._feed.all() if not each.state.is_terminal]:
            await self._launcher.cancel(workload.key, grace_s=grace_s, reason=why)
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while any(not each.state.is_terminal for each in self._feed.all()):
                    await self._feed.wait(self._feed.revision)


def _check(spec: WorkloadSpec, secrets: Secrets) -> None:
    _check_step(spec)
    _check_build(spec)
    _check_variables("workload.env", spec.env)
    _check_variables("workload.secret_files", secrets.files)
    _check_texts("workload.args", spec.args)
    _check_texts("workload.env", spec.env.values())
    _check_texts("workload.environment.requirements", spec.environment.requirements)


def _check_step(spec: WorkloadSpec) -> None:
    """A step's workload says which attempt of which step of which run it is, and no other does."""
    for field in ("run", "step", "attempt"):
        if spec.kind == "STEP" and not getattr(spec, field):
            raise _invalid(f"workload.{field}", "is required for a STEP")
        if spec.kind != "STEP" and field != "run" and getattr(spec, field):
            raise _invalid(f"workload.{field}", "is for a STEP alone")


def _check_build(spec: WorkloadSpec) -> None:
    """A build's workload says of which build, and inside which base; and it belongs to no run."""
    for field in ("build", "image"):
        if spec.kind == "BUILD" and not getattr(spec, field):
            raise _invalid(f"workload.{field}", "is required for a BUILD")
    if (spec.kind == "BUILD") is not bool(spec.build):
        raise _invalid("workload.build", "is for a BUILD alone")
    if spec.build and spec.run:
        raise _invalid("workload.run", "is for no BUILD: many runs may wait for it")


def _check_variables(field: str, names: Iterable[str]) -> None:
    for name in names:
        if not _VARIABLE.fullmatch(name):
            raise _invalid(field, f"{name[:64]!r} cannot be the name of an environment variable")


def _check_texts(field: str, texts: Iterable[str]) -> None:
    # Neither an argument nor a variable can hold one; a requirement that begins with a dash
    # would be an option, and "--" ends what we hand over.
    for text in texts:
        if "\0" in text:
            raise _invalid(field, "must not hold a zero byte")
        if field.endswith("requirements") and (text.startswith("-") or not text.strip()):
            raise _invalid(field, f"{text[:64]!r} is no requirement")


def _invalid(field: str, description: str) -> InvalidArgument:
    return InvalidArgument(
        "INVALID_FIELDS",
        f"{field}: {description}",
        violations=[FieldViolation(field, description)],
    )
