"""Builds and pushes images with podman or docker, whichever is there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft._image_recipe import Recipe
from weft._image_registry import (
    HUB,
    HUB_INDEX,
    Login,
    Reference,
    digest_of,
    docker_folder,
    is_local,
    known_logins,
)
from weft._image_upload import upload
from weft.errors import ImageError

TOOLS = ("podman", "docker")
_LAST_WORDS = 20
_ASK_S = 60
# Of docker's folder: where its daemon is, how that is spoken to, and what builds. Not `buildx`:
# a builder that was chosen there may keep what it builds to itself.
_OF_DOCKER = ("contexts", "cli-plugins", "ca.pem", "cert.pem", "key.pem")
Listener = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tool:
    """One of them: its name, and where it is."""

    name: str
    path: str

    def build(self, recipe: Recipe, image: Reference, login: Login, listener: Listener) -> None:
        """Builds an image; `listener` gets what the builder says, line by line.

        The login is for bases of the same registry.

        Raises:
            ImageError: It fails; with the builder's last words.
        """
        with (
            tempfile.TemporaryDirectory(prefix="weft-image-") as directory,
            self._configured(image.host, login) as folder,
        ):
            context = _write(recipe, Path(directory))
            command = ["build", "--file", str(context.parent / "Dockerfile"), "--tag", str(image)]
            if self.name == "podman":
                command += ["--authfile", str(folder / "config.json")]
                # Where a base is of this machine, there is no other to be had.
                command += ["--pull=missing", *_plain_http(recipe)]
            elif login.basic:
                command = ["--config", str(folder), *command]
            for name in sorted(recipe.build_args):
                command += ["--build-arg", f"{name}={recipe.build_args[name]}"]
            self._do([*command, str(context)], listener)

    def push(self, image: Reference, login: Callable[[], Login], listener: Listener) -> str:
        """Pushes an image, and gives its digest.

        The login is asked for again and again: a push takes longer than some tokens live.

        Raises:
            ImageError: The registry refuses it, or cannot be reached.
        """
        first = login()
        with self._configured(image.host, first) as folder:
            if self.name == "docker":
                # Its own configuration folder, so that no login stays behind.
                self._do(["--config", str(folder), "push", str(image)], listener)
                return digest_of(image, login())
            if first.bearer_token:
                # Podman takes none: it writes the image down, and we push it.
                self._do(["push", "--compress", str(image), f"dir:{folder / 'image'}"], listener)
                return upload(folder / "image", image, login)
            digest = folder / "digest"
            options = ["--authfile", str(folder / "config.json"), "--digestfile", str(digest)]
            if is_local(image.host):
                options.append("--tls-verify=false")
            self._do(["push", *options, str(image)], listener)
            return digest.read_text(encoding="ascii").strip()

    def local_digest(self, image: str) -> str:
        """What an image of this machine alone is, "sha256:..."; empty where there is none."""
        command = [self.path, "image", "inspect", "--format", "{{.Id}}", image]
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, timeout=_ASK_S
        )
        return done.stdout.strip().removeprefix("sha256:") if done.returncode == 0 else ""

    @contextmanager
    def _configured(self, host: str, login: Login) -> Iterator[Path]:
        """A folder, nobody else's, with the login beside the user's own, as the tool reads them."""
        with tempfile.TemporaryDirectory(prefix="weft-login-") as directory:
            file = Path(directory) / "config.json"
            file.touch(mode=0o600)
            document = _configuration(self.name, host, login)
            file.write_text(json.dumps(document), encoding="utf-8")
            if self.name == "docker":
                for name in _OF_DOCKER:
                    place = docker_folder().absolute() / name
                    if place.exists():
                        (Path(directory) / name).symlink_to(place)
            yield Path(directory)

    def _do(self, arguments: Sequence[str], listener: Listener) -> None:
        with subprocess.Popen(  # noqa: S603
            [self.path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            last: deque[str] = deque(maxlen=_LAST_WORDS)
            for line in process.stdout:
                last.append(line.rstrip())
                listener(line.rstrip())
        if process.returncode:
            words = "\n".join(line for line in last if line)
            doing = next(word for word in arguments if word in {"build", "push"})
            raise ImageError(f"{self.name} {doing} ended with {process.returncode}:\n{words}")


def find_tool(wanted: str = "") -> Tool:
    """Podman or docker of this machine; podman first, as it needs no daemon and no root.

    Raises:
        ImageError: There is none.
    """
    for name in [wanted] if wanted else TOOLS:
        if path := shutil.which(name):
            return Tool(name, path)
    raise ImageError(
        f"there is no {wanted or ' and no '.join(TOOLS)} on this machine: install podman, or have "
        "the image pushed from a machine that has it (`weft image push`)"
    )


def _plain_http(recipe: Recipe) -> list[str]:
    """Registries of this machine have no TLS; podman wants to be told."""
    hosts = {base.partition("/")[0] for base in recipe.bases}
    return ["--tls-verify=false"] if hosts and all(map(is_local, hosts)) else []


def _write(recipe: Recipe, directory: Path) -> Path:
    """Writes what an image is made of, and gives its context; the Dockerfile lies beside it."""
    context = directory / "context"
    context.mkdir()
    (directory / "Dockerfile").write_text(recipe.dockerfile, encoding="utf-8")
    for name, content in recipe.files.items():
        file = context / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.data)
        file.chmod(0o755 if content.is_executable else 0o644)
        # Layers are found again by content and times.
        os.utime(file, (0, 0))
    return context


def _configuration(tool: str, host: str, login: Login) -> Mapping[str, Any]:
    """What the user has configured docker to do, and the logins, ours among them."""
    document: dict[str, Any] = {}
    with suppress(OSError, ValueError, TypeError):
        document = dict(json.loads((docker_folder() / "config.json").read_bytes()))
    auths: dict[str, Mapping[str, str]] = {**known_logins()}
    helpers = dict(document.get("credHelpers") or {})
    own: dict[str, str] = {}
    if login.basic:
        own["auth"] = login.basic
    if login.bearer_token:
        own["registrytoken"] = login.bearer_token
    if own:
        auths[host] = own
        # Whoever helps with the user's own logins knows nothing of this one. An empty name tells
        # docker, which would ask its helper for all registries else; podman would look for it.
        for name in _names(host):
            helpers.pop(name, None)
            helpers |= {name: ""} if tool == "docker" else {}
    auths = {name: auths[key] for key in auths for name in _names(key)}
    return {**document, "auths": auths, "credHelpers": helpers}


def _names(host: str) -> tuple[str, ...]:
    """What entries for a registry are called: docker and podman have each their own for the hub."""
    return (HUB, HUB_INDEX) if host == HUB else (host,)
