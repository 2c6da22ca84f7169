"""One workload's folder: what the manager writes into it, and what it reads out of it."""

import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from workloads.model import Secrets, WorkloadKey, WorkloadSpec
from workloads.shim import files

# Not the pid of any process: the claim of somebody who will never execute.
_NOBODY = 0


@dataclass(frozen=True, slots=True)
class Intent:
    """What was accepted, before anything was started."""

    key: WorkloadKey
    uid: UUID
    create_time: datetime
    spec: WorkloadSpec

    def to_json(self) -> files.Json:
        created = self.create_time.isoformat()
        return {"uid": str(self.uid), "create_time": created, "spec": self.spec.to_json()}

    @property
    def mark(self) -> str:
        """What stands in the environment of the workload's processes and of no others."""
        return f"WEFT_WORKLOAD_UID={self.uid}"


@dataclass(frozen=True, slots=True)
class Claim:
    """Who was admitted to execute a workload: a shim, or nobody ever."""

    pid: int
    start: str
    boot: str

    @property
    def is_void(self) -> bool:
        return self.pid == _NOBODY


class Folder:
    """The files of one workload, each written whole (see workloads/shim/files.py)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = str(path)

    def intent(self, key: WorkloadKey) -> Intent:
        """What was accepted; raises OSError, ValueError or KeyError where that cannot be read."""
        content = files.load(self._text, files.SPEC)
        if content is None:
            raise FileNotFoundError(self.path / files.SPEC)
        created = datetime.fromisoformat(content["create_time"])
        spec = WorkloadSpec.from_json(content["spec"])
        return Intent(key, UUID(content["uid"]), created, spec)

    def claim(self) -> Claim | None:
        content = files.load(self._text, files.CLAIM)
        return Claim(**content) if content else None

    def started(self) -> files.Json | None:
        return files.load(self._text, files.STARTED)

    def order_to_cancel(self) -> files.Json | None:
        return files.load(self._text, files.CANCEL)

    def exit(self) -> files.Json | None:
        return files.load(self._text, files.EXIT)

    def void(self) -> None:
        """Makes sure that nobody will be admitted any more, if nobody was."""
        content = {"pid": _NOBODY, "start": "", "boot": ""}
        files.publish(self._text, files.CLAIM, content, once=True)

    def order_cancel(self, *, grace_s: float, reason: str) -> files.Json:
        """Leaves the order to end, which outlives us; the first reason stays."""
        order = self.order_to_cancel() or {"reason": reason, "time": time.time()}
        order["grace_s"] = min(grace_s, order.get("grace_s", grace_s))
        files.publish(self._text, files.CANCEL, order, once=False)
        return order

    def conclude(self, cause: str, **facts: object) -> files.Json:
        """Records the end in place of a shim; answers whichever record was first."""
        files.remove(self._text, files.LAUNCH)
        files.remove_secrets(self._text)
        content = {"cause": cause, "finished": time.time(), **facts}
        files.publish(self._text, files.EXIT, content, once=True)
        return self.exit() or content

    def log_size(self) -> int:
        try:
            return (self.path / files.LOG).stat().st_size
        except FileNotFoundError:
            return 0

    def read_log(self, offset: int, limit: int) -> bytes:
        try:
            with (self.path / files.LOG).open("rb") as file:
                return os.pread(file.fileno(), limit, offset)
        except FileNotFoundError:
            return b""


class StateDirectory:
    """All folders: `workloads/<owner>/<id>`; `new` and `gone` hold them on their way in and out."""

    def __init__(self, root: Path) -> None:
        self._root = root
        for name in ("", "workloads", "new", "gone", "parked"):
            (root / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def lock_file(self) -> Path:
        return self._root / "lock"

    def path(self, key: WorkloadKey) -> Path:
        return self._root / "workloads" / str(key.owner) / key.id

    def create(self, intent: Intent, launch: files.Json, secrets: Secrets) -> Folder:
        """Accepts a workload durably; raises OSError where its key is taken, or the disk full.

        The folder appears under its name in one step with all that is in it, so that there is
        no half of a submission that a restart would have to judge.
        """
        new = self._root / "new" / str(intent.uid)
        try:
            _fill(new, intent, launch, secrets)
            return self._admit(new, self.path(intent.key))
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            raise

    @staticmethod
    def _admit(new: Path, path: Path) -> Folder:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        new.rename(path)  # refuses to replace a folder that is not empty
        files.sync_folder(str(path.parent))
        files.sync_folder(str(path.parent.parent))
        return Folder(path)

    def remove(self, folder: Folder) -> None:
        """Forgets a workload, in one step that a restart completes."""
        gone = self._aside("gone", folder)
        files.sync_folder(str(folder.path.parent))
        shutil.rmtree(gone)

    def park(self, folder: Folder) -> Path:
        """Puts aside a folder that cannot be read, for people to look at."""
        return self._aside("parked", folder)

    def _aside(self, where: str, folder: Folder) -> Path:
        return folder.path.rename(self._root / where / f"{folder.path.name}.{time.time_ns()}")

    def recover(self) -> list[tuple[WorkloadKey, Folder]]:
        """All workloads; completes removals and forgets submissions that were never accepted."""
        for name in ("new", "gone"):
            for left in (self._root / name).iterdir():
                shutil.rmtree(left)
        owners = (self._root / "workloads").iterdir()
        return [
            (WorkloadKey(UUID(owner.name), path.name), Folder(path))
            for owner in owners
            for path in owner.iterdir()
        ]


def child_environment(
    base: Mapping[str, str], intent: Intent, secrets: Secrets, path: Path
) -> dict[str, str]:
    """The whole environment of a workload: nothing of the manager's own gets in."""
    mark, _, uid = intent.mark.partition("=")
    paths = {name: str(path / files.SECRETS / name) for name in secrets.files}
    return {**base, **intent.spec.env, **paths, mark: uid}


def _fill(new: Path, intent: Intent, launch: files.Json, secrets: Secrets) -> None:
    new.mkdir(mode=0o700)
    (new / files.WORK).mkdir(mode=0o700)
    _write(new / files.SPEC, json.dumps(intent.to_json()))
    _write(new / files.LAUNCH, json.dumps(launch))
    (new / files.SECRETS).mkdir(mode=0o700)
    for name, content in secrets.files.items():
        _write(new / files.SECRETS / name, content)
    files.sync_folder(str(new / files.SECRETS))
    files.sync_folder(str(new))


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
