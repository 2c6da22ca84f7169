"""What images are built of in tests: a base in a registry, and packages in a folder."""

import base64
import gzip
import hashlib
import io
import json
import platform
import tarfile
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from workspace.building.registry import Repository, sha256

OCI = "application/vnd.oci.image"


def wheel(folder: Path, name: str, version: str, source: str) -> str:
    """Writes a package of one module; gives the SHA-256 of its file."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},{_hash(text)},{len(text)}\n" for path, text in files.items())
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for each, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(zipfile.ZipInfo(each), text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _hash(text: str) -> str:
    found = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"sha256={found.rstrip('=')}"


def push_base(host: str, path: str = "base/python", tag: str = "1") -> str:
    """Pushes an image, for this machine and another; gives its reference with its digest.

    The fake kubelet executes processes of this machine whatever their image: one file will do.
    """
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("etc/base"), io.BytesIO())
    layer = gzip.compress(plain.getvalue(), mtime=0)
    config = {
        "architecture": platform.machine(),
        "os": "linux",
        "created": "2026-11-22T00:00:00Z",
        "config": {"Env": ["PATH=/usr/local/bin:/usr/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [sha256(plain.getvalue())]},
    }
    place = Repository(host, path, {})
    content = json.dumps(config).encode()
    place.upload_bytes(sha256(layer), layer)
    place.upload_bytes(sha256(content), content)
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": _part("config.v1+json", content),
        "layers": [_part("layer.v1.tar+gzip", layer)],
    }
    made = json.dumps(manifest).encode()
    place.put(sha256(made), str(manifest["mediaType"]), made)
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    both = [
        _part("manifest.v1+json", made) | {"platform": {"os": "linux", "architecture": each}}
        for each in ("s390x", machine)
    ]
    index = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": both}
    content = json.dumps(index).encode()
    place.put(tag, str(index["mediaType"]), content)
    return f"{host}/{path}:{tag}@{sha256(content)}"


def _part(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": f"{OCI}.{kind}", "digest": sha256(content), "size": len(content)}


def image(host: str, path: str, digest: str) -> dict[str, Any]:
    """The manifest that a registry has under a digest."""
    return dict(json.loads(Repository(host, path, {}).manifest(digest)))


def blob(host: str, path: str, digest: str) -> bytes:
    """What a registry has under a digest."""
    with urllib.request.urlopen(f"http://{host}/v2/{path}/blobs/{digest}") as answer:
        return bytes(answer.read())


def files_of(layer: bytes) -> dict[str, bytes]:
    """The files of a layer by their names."""
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as tar:
        members = [(each, tar.extractfile(each)) for each in tar.getmembers()]
        return {each.name: file.read() for each, file in members if file}
