"""Builds one image in a pod that may do nothing: packages, as one layer more on a base.

The pod runs the base itself, so that pip sees the Python and the packages that it adds to. What pip
installs goes into a folder, that folder into a layer, and the layer into the registry, by its HTTP
API: nothing here needs root, user namespaces or a daemon.

This, and what it imports of this package, is sent to the pod as it stands: it may use the standard
library of Python 3.9, and nothing else.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workspace.building.layers import pack
from workspace.building.packages import install, replaced, require_weft
from workspace.building.registry import LAYERS, BuildError, Repository, image_of, sha256

# The last line of a build that went well: this, and the digest.
RESULT = "weft-image"
# Whom processes of the image run as.
_USER = "10001:10001"


def main() -> None:
    """Builds what the files of this workload say, and says its digest last of all."""
    # The first process of a container hears no signal that it does not ask for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        _say(f"{RESULT} {build(_recipe(), _login())}")
    except BuildError as error:
        sys.exit(f"the image is not built: {error}")


def build(recipe: Mapping[str, Any], login: Mapping[str, str]) -> str:
    """Has an image in its registry; gives its digest."""
    host, _, rest = recipe["uri"].partition("/")
    path, _, tag = rest.rpartition(":")
    target = Repository(host, path, login)
    if found := target.digest(tag):
        _say(f"{recipe['uri']} is in its registry already")
        return found
    _require_python(recipe.get("python", ""))
    with tempfile.TemporaryDirectory(prefix="weft-build-") as directory:
        folder = Path(directory)
        root = install(recipe, folder) if recipe["requirements"] else None
        require_weft(root)
        return _publish(recipe, root, folder, target, tag)


def _publish(
    recipe: Mapping[str, Any], root: Path | None, folder: Path, target: Repository, tag: str
) -> str:
    """Puts the base, and what was installed, under the tag."""
    source, digest = _base(recipe["base"], target)
    manifest = image_of(source, digest)
    kind = manifest.get("mediaType") or next(iter(LAYERS))
    if kind not in LAYERS:
        raise BuildError(f"the base is of a kind that nobody knows here: {kind}")
    for layer in manifest["layers"]:
        _say(f"copying {layer['digest']}")
        _copy(source, target, layer["digest"], folder)
    config = _config_of(source, manifest, folder)
    if root:
        _say("packing what was installed")
        manifest["layers"].append(
            _add_layer(root, folder, target, config) | {"mediaType": LAYERS[kind]}
        )
    content = json.dumps(config, sort_keys=True).encode()
    manifest["config"] |= {"digest": sha256(content), "size": len(content)}
    target.upload_bytes(sha256(content), content)
    made = json.dumps(manifest | {"mediaType": kind}, sort_keys=True).encode()
    target.put(tag, kind, made)
    _say(f"pushed {recipe['uri']}")
    return sha256(made)


def _add_layer(
    root: Path, folder: Path, target: Repository, config: dict[str, Any]
) -> dict[str, Any]:
    """Packs and uploads what was installed, and writes it down in the configuration."""
    _compile(root)
    with (folder / "layer").open("w+b") as file:
        digest, plain = pack(root, replaced(root), file)
        size = file.tell()
        target.upload(digest, file)
    config["rootfs"]["diff_ids"].append(plain)
    # As old as its base, so that the same inputs are the same image.
    history = {"created": config.get("created"), "created_by": "weft: pip install"}
    config.setdefault("history", []).append({k: v for k, v in history.items() if v})
    return {"digest": digest, "size": size}


def _config_of(source: Repository, manifest: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The configuration of the base, with our user in it."""
    with (folder / "config").open("w+b") as file:
        source.fetch(manifest["config"]["digest"], file)
        found: dict[str, Any] = json.load(file)
    found.setdefault("config", {})["User"] = _USER
    return found


def _base(reference: str, target: Repository) -> tuple[Repository, str]:
    """Where the base is: the login is for the target, and for its registry where it is a user's."""
    name, _, digest = reference.partition("@")
    host, _, path = name.partition("/")
    head, colon, tag = path.rpartition(":")
    path = head if colon and "/" not in tag else path
    return target.beside(host, path), digest


def _copy(source: Repository, target: Repository, digest: str, folder: Path) -> None:
    if target.has(digest) or target.mount(digest, source):
        return
    with tempfile.TemporaryFile(dir=folder) as file:
        source.fetch(digest, file)
        target.upload(digest, file)


def _compile(root: Path) -> None:
    """Once now, and not at every start on a file system that cannot be written to."""
    options = ["-q", "-s", str(root), "-p", "/", "--invalidation-mode", "unchecked-hash"]
    command = [sys.executable, "-m", "compileall", *options, str(root)]
    # What does not compile is found out by whoever imports it.
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)  # noqa: S603


def _require_python(wanted: str) -> None:
    found = "{}.{}".format(*sys.version_info)
    if wanted and wanted != found:
        raise BuildError(f"this base has Python {found}, not {wanted}")


def _recipe() -> dict[str, Any]:
    """What to build: in parts, since a file of a workload holds no more than 64 KiB."""
    parts = sorted(name for name in os.environ if name.startswith("WEFT_BUILD_RECIPE_"))
    text = "".join(Path(os.environ[name]).read_text(encoding="ascii") for name in parts)
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(text)))
    return found


def _login() -> dict[str, str]:
    found: dict[str, str] = json.loads(Path(os.environ["WEFT_BUILD_LOGIN"]).read_bytes())
    return found


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201 - its output is what people follow
