"""The files by which the manager and the shim talk, each written whole.

    launch.json   manager -> shim   what to execute, with its secrets; removed when read
    secrets/      manager -> child  private files, such as the run token; removed at the end
    claim.json    shim              who was admitted: pid, start time, boot; made at most once
    started.json  shim -> manager   the child executes
    cancel.json   manager -> shim   end it, with this grace; announced by SIGTERM
    output.log    shim -> manager   stdout and stderr in the format of Kubernetes' CRI
    exit.json     shim -> manager   how it ended; made at most once, never changed

The manager alone keeps spec.json, what was asked for, and work/, where the child starts.
"""
# pathlib alone would add a third to the shim's start.
# ruff: noqa: PTH106, PTH108, PTH118, PTH123, PTH208

import contextlib
import json
import os
import time
from typing import Any

SPEC, LAUNCH, SECRETS, CLAIM = "spec.json", "launch.json", "secrets", "claim.json"
STARTED, CANCEL, LOG, EXIT = "started.json", "cancel.json", "output.log", "exit.json"
WORK, DIARY = "work", "shim.log"

Json = dict[str, Any]


def publish(folder: str, name: str, content: Json, *, once: bool) -> bool:
    """Writes a file whole and durably; False where `once` is asked and the name is taken."""
    draft = f".{name}.{os.getpid()}.{time.monotonic_ns()}"
    path = os.path.join(folder, draft)
    try:
        _write(path, json.dumps(content).encode())
        # A link, unlike a rename, refuses to replace: the kernel decides who was first.
        (os.link if once else os.replace)(path, os.path.join(folder, name))
    except FileExistsError:
        return False
    finally:
        remove(folder, draft)
    sync_folder(folder)
    return True


def _write(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        while data:  # a disk that is almost full takes a part without a complaint
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: str) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(folder: str, name: str) -> Json | None:
    """Reads a published file; None where there is none."""
    try:
        with open(os.path.join(folder, name), "rb") as file:
            content: Json = json.load(file)
    except FileNotFoundError:
        return None
    return content


def remove(folder: str, name: str) -> None:
    """Removes a file, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, name))


def remove_secrets(folder: str) -> None:
    """Removes the secret files, if they are there."""
    secrets = os.path.join(folder, SECRETS)
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(secrets):
            remove(secrets, name)
        os.rmdir(secrets)
