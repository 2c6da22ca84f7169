"""A fake scheduler and kubelet: a pod's command is executed as a process of this machine.

One kindness is unavoidable without containers: where a variable or an argument names a path that
a volume is mounted at, the process gets the path of the volume instead.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from meshtest.kubernetes.store import Object, RefusalError, Store, now

_NODE = "node-1"
# What an `fsGroup` may do with the files of a volume that is read only.
_OF_GROUP = 0o440
# What holds of a pod that works.
_WELL = {"PodScheduled": "True", "ContainersReady": "True", "Ready": "True"}


class Kubelet:
    """One node. It has the images of `images`, and room for `millis` of processor time."""

    def __init__(self, store: Store, directory: Path) -> None:
        self.images = {"weft"}
        self.millis = 64_000
        # What is put into every container: where the tests' code is.
        self.environment: dict[str, str] = {}
        self._store = store
        self._directory = directory
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._verdicts: dict[str, Object] = {}
        self._logs: dict[str, list[bytes]] = {}
        self._written: dict[str, asyncio.Event] = {}
        self._killers: set[asyncio.Task[None]] = set()
        store.listen(self._hear)

    async def stop(self) -> None:
        for process in self._processes.values():
            _signal(process, signal.SIGKILL)
        for task in [*self._tasks.values(), *self._killers]:
            task.cancel()
        await asyncio.gather(*self._tasks.values(), *self._killers, return_exceptions=True)

    # What tests do to a node.

    def out_of_memory(self, pod: str) -> None:
        """As the kernel does with a container that outgrew its limit."""
        self._kill(pod, container={"reason": "OOMKilled"})

    def evict(self, pod: str, message: str) -> None:
        """As a node does that runs short of something."""
        condition = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}
        self._kill(pod, pod={"reason": "Evicted", "message": message, "conditions": [condition]})

    def lose(self, pod: str) -> None:
        """The node stops answering: what it ran is as it was last, but not ready.

        The controller of nodes gives no reason for it; what it wrote of the node is an event.
        """
        self._status(pod, conditions=_conditions(_WELL | {"Ready": "False"}))

    def _kill(
        self, name: str, *, container: Object | None = None, pod: Object | None = None
    ) -> None:
        self._verdicts[name] = {"container": container or {}, "pod": pod or {}}
        _signal(self._processes[name], signal.SIGKILL)

    # What a kubelet does.

    def _hear(self, plural: str, type_: str, pod: Object) -> None:
        if plural != "pods":
            return
        name = pod["metadata"]["name"]
        if type_ == "DELETED":
            self._logs.pop(name, None)
        elif "deletionTimestamp" in pod["metadata"]:
            self._terminate(pod)
        elif name not in self._tasks:
            self._tasks[name] = asyncio.create_task(self._run(pod))

    def _terminate(self, pod: Object) -> None:
        name, grace = pod["metadata"]["name"], pod["metadata"]["deletionGracePeriodSeconds"]
        process = self._processes.get(name)
        if process is None:
            task = self._tasks.get(name)
            if task is not None:
                task.cancel()
            if "nodeName" not in pod["spec"]:
                return  # no kubelet knows of it
            if pod["status"].get("phase") == "Pending":
                self._status(name, phase="Failed")
            self._let_go(name)
            return
        self._ask_to_end(process, grace)

    def _ask_to_end(self, process: asyncio.subprocess.Process, grace: int) -> None:
        if grace:
            _signal(process, signal.SIGTERM)

        async def kill() -> None:
            await asyncio.sleep(grace)
            _signal(process, signal.SIGKILL)

        killer = asyncio.create_task(kill())
        self._killers.add(killer)
        killer.add_done_callback(self._killers.discard)

    def _let_go(self, name: str) -> None:
        """Says that nothing of a pod is left on the node."""
        pod = self._store.objects.get(("pods", name))
        if pod is not None and "deletionTimestamp" in pod["metadata"]:
            edit = {"deletionGracePeriodSeconds": 0}
            self._store.change("pods", name, lambda t: t["metadata"].update(edit))

    async def _run(self, pod: Object) -> None:
        name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]
        await self._schedule(name, container)
        await self._pull(name, container["image"])
        folder = await self._mount(name, pod)
        await self._execute(name, pod, container, folder)

    async def _schedule(self, name: str, container: Object) -> None:
        wanted = int(container["resources"].get("requests", {}).get("cpu", "0m").removesuffix("m"))
        while wanted > self.millis:
            message = "0/1 nodes are available: 1 Insufficient cpu."
            self._status(
                name,
                conditions=[
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": message,
                    }
                ],
            )
            await asyncio.sleep(0.05)
        self._store.change("pods", name, lambda t: t["spec"].update(nodeName=_NODE))
        self._status(name, conditions=_conditions({"PodScheduled": "True"}))

    async def _pull(self, name: str, image: str) -> None:
        while image not in self.images:
            message = f'Back-off pulling image "{image}": not found'
            self._waits(name, "ImagePullBackOff", message)
            await asyncio.sleep(0.05)

    async def _mount(self, name: str, pod: Object) -> dict[str, str]:
        """Where each mounted path is on this machine."""
        paths = {}
        sources = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for mount in pod["spec"]["containers"][0]["volumeMounts"]:
            folder = self._directory / name / mount["name"]
            folder.mkdir(parents=True)
            paths[mount["mountPath"]] = str(folder)
            if wanted := sources[mount["name"]].get("secret"):
                await self._fill(name, folder, wanted)
        return paths

    async def _fill(self, name: str, folder: Path, wanted: Object) -> None:
        while ("secrets", wanted["secretName"]) not in self._store.objects:
            self._waits(name, "ContainerCreating", "")
            await asyncio.sleep(0.02)
        secret = self._store.find("secrets", wanted["secretName"])
        # Links into a folder that is replaced as a whole. Its files belong to root: the group of
        # the pod is what lets its user read them, whatever mode was asked for.
        kept = folder / "..data"
        kept.mkdir()
        for file, content in secret["data"].items():
            path = kept / file
            path.write_text(content)
            path.chmod(wanted["defaultMode"] | _OF_GROUP)
            (folder / file).symlink_to(Path("..data") / file)

    async def _execute(
        self, name: str, pod: Object, container: Object, paths: dict[str, str]
    ) -> None:
        def here(text: str) -> str:
            for mounted, folder in paths.items():
                if text == mounted or text.startswith(f"{mounted}/"):
                    return folder + text[len(mounted) :]
            return text.replace("$$(", "$(")

        env = {each["name"]: here(each.get("value", "")) for each in container["env"]}
        program, *arguments = [here(text) for text in container["command"]]
        started = now()
        self._logs[name], self._written[name] = [], asyncio.Event()
        process = self._processes[name] = await asyncio.create_subprocess_exec(
            sys.executable if program == "python" else program,
            *arguments,
            env={"PATH": os.defpath, **self.environment, **env},
            cwd=here(container["workingDir"]),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._contains(
            name,
            {"running": {"startedAt": started}},
            phase="Running",
            conditions=_conditions(_WELL),
        )
        limit = pod["spec"].get("activeDeadlineSeconds")
        try:
            async with asyncio.timeout(limit):
                await self._log(name, process)
                await process.wait()
        except TimeoutError:
            words = "Pod was active on the node longer than the specified deadline"
            verdict = {"reason": "DeadlineExceeded", "message": words}
            self._verdicts[name] = {"container": {}, "pod": verdict}
            self._ask_to_end(process, pod["spec"]["terminationGracePeriodSeconds"])
            await self._log(name, process)
            await process.wait()
        self._conclude(name, process.returncode or 0, started)

    def _conclude(self, name: str, returned: int, started: str) -> None:
        verdict = self._verdicts.pop(name, {"container": {}, "pod": {}})
        code = 128 - returned if returned < 0 else returned
        ended = {
            "exitCode": code,
            "reason": "Error" if code else "Completed",
            "startedAt": started,
            "finishedAt": now(),
            **verdict["container"],
        }
        phase = "Failed" if code or verdict["pod"] else "Succeeded"
        self._contains(name, {"terminated": ended}, phase=phase, **verdict["pod"])
        self._written[name].set()
        self._processes.pop(name)
        self._let_go(name)

    async def _log(self, name: str, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            moment = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "000Z")
            self._logs[name].append(moment.encode() + b" " + line.rstrip(b"\n") + b"\n")
            written, self._written[name] = self._written[name], asyncio.Event()
            written.set()

    async def log_of(self, name: str, request: web.Request) -> web.StreamResponse:
        """The pod's log as the API server passes it on."""
        if name not in self._logs:
            message = f'container "workload" in pod "{name}" is waiting to start'
            raise RefusalError(400, "BadRequest", message)
        since = request.query.get("sinceTime", "")[:19].encode()
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        lines, told = self._logs[name], 0
        while True:
            written, is_over = self._written[name], name not in self._processes
            for line in lines[told:]:
                told += 1
                if line[:19] >= since:
                    await response.write(line)
            if is_over:
                return response
            await written.wait()

    # What it says of pods.

    def _waits(self, name: str, reason: str, message: str) -> None:
        self._contains(name, {"waiting": {"reason": reason, "message": message}})

    def _contains(self, name: str, state: Object, **status: object) -> None:
        self._status(name, containerStatuses=[{"name": "workload", "state": state}], **status)

    def _status(self, name: str, **status: object) -> None:
        with contextlib.suppress(RefusalError):  # it was deleted by force meanwhile
            self._store.change("pods", name, lambda t: t["status"].update(status))


def _conditions(said: Mapping[str, str]) -> list[Object]:
    return [{"type": type_, "status": status} for type_, status in said.items()]


def _signal(process: asyncio.subprocess.Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
