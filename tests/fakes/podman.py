"""A fake podman, for machines without: builds nothing, and pushes a manifest that says of what.

Put it on the path as `podman`, with the folder of its images in FAKE_PODMAN. What the real one
does is proven by docs/images.md, which is typed with it.
"""

import argparse
import hashlib
import json
import os
import sys
import urllib.request
from pathlib import Path

IMAGES = Path(os.environ["FAKE_PODMAN"])


def main() -> None:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build")
    build.add_argument("--file", type=Path, required=True)
    build.add_argument("--tag", required=True)
    build.add_argument("--pull", required=True)
    build.add_argument("--authfile", type=Path, required=True)
    build.add_argument("--build-arg", action="append", default=[])
    build.add_argument("--tls-verify")
    build.add_argument("context", type=Path)
    push = commands.add_parser("push")
    push.add_argument("--authfile", type=Path, required=True)
    push.add_argument("--digestfile", type=Path, required=True)
    push.add_argument("--tls-verify")
    push.add_argument("image")
    given = parser.parse_args()
    _build(given) if given.command == "build" else _push(given)


def _file(image: str) -> Path:
    return IMAGES / hashlib.sha256(image.encode()).hexdigest()


def _build(given: argparse.Namespace) -> None:
    text = given.file.read_text()
    files = sorted(str(path.relative_to(given.context)) for path in given.context.rglob("*"))
    for number, line in enumerate(text.splitlines(), 1):
        sys.stdout.write(f"STEP {number}: {line}\n")
    if any("impossible" in path.read_text() for path in given.context.rglob("*.txt")):
        sys.exit("ERROR: No matching distribution found for impossible")
    _file(given.tag).write_text(json.dumps([text, files, given.build_arg]))


def _push(given: argparse.Namespace) -> None:
    host, _, rest = given.image.partition("/")
    repository, _, tag = rest.partition(":")
    content = _file(given.image).read_bytes()
    own = json.loads(given.authfile.read_text())["auths"].get(host, {})
    headers = {"Authorization": f"Basic {own['auth']}"} if "auth" in own else {}
    url = f"http://{host}/v2/{repository}/manifests/{tag}"
    request = urllib.request.Request(url, content, headers, method="PUT")
    with urllib.request.urlopen(request) as answer:
        given.digestfile.write_text(answer.headers["Docker-Content-Digest"])


if __name__ == "__main__":
    main()
