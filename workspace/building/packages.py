"""What pip adds to a base; part of the program that pods are sent."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workspace.building.registry import BuildError

# The scheme that pip itself speaks, a login, and the rest without what pip is told beside it.
_LOGIN = re.compile(r"(\w+://)([^/@\s]+@)([^\s#;]+)")
_CHECK = "import site, sys; [site.addsitedir(p) for p in sys.argv[1:]]; import weft"


def install(recipe: Mapping[str, Any], folder: Path) -> Path:
    """Has pip install what the base lacks, below a folder; gives that folder.

    First pip says what it would do here, then it does that elsewhere: told to install elsewhere at
    once, it would remove from here what it replaces, or install again all that is here.
    """
    root, report, asked = folder / "root", folder / "report.json", folder / "requirements.txt"
    root.mkdir()
    asked.write_text("".join(f"{line}\n" for line in recipe["requirements"]), encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
    environment |= {"PYTHONNOUSERSITE": "1", "PIP_CACHE_DIR": str(folder / "cache")}
    environment |= {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environment |= recipe["build_arguments"]
    _pip(["--dry-run", "--report", str(report), "-r", str(asked)], environment)
    pinned = folder / "pinned.txt"
    lines = [line for line in recipe["requirements"] if line.startswith("-")]
    lines += pins(json.loads(report.read_bytes()), logins_of(recipe["requirements"]))
    pinned.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    elsewhere = ["--root", str(root), "--no-deps", "--ignore-installed", "--no-compile"]
    _pip([*elsewhere, "--no-warn-script-location", "-r", str(pinned)], environment)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    return root


def _pip(arguments: list[str], environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "pip", "install", *arguments]
    done = subprocess.run(command, env=environment, check=False)  # noqa: S603
    if done.returncode:
        raise BuildError(f"pip ended with {done.returncode}")


def logins_of(lines: Iterable[str]) -> dict[str, str]:
    """What stands before the host in URLs of requirements ("user:${TOKEN}@"), by all the rest.

    Pip leaves it out where it says what it would install.
    """
    found: dict[str, str] = {}
    for scheme, login, rest in (match for line in lines for match in _LOGIN.findall(line)):
        url = f"{scheme}{rest}"
        # Of version control, without the version.
        found |= dict.fromkeys((url, re.sub(r"@[^/]*$", "", url)), login)
    return found


def pins(report: dict[str, Any], logins: Mapping[str, str]) -> list[str]:
    """The very files that pip chose, as requirements; with their hashes where all have them."""
    found = []
    for each in report["install"]:
        meta, got = each["metadata"], each["download_info"]
        line = f"{meta['name']}=={meta['version']}"
        if each.get("is_direct"):
            version_control = got.get("vcs_info", {})
            at = f"@{version_control['commit_id']}" if version_control else ""
            line = f"{meta['name']} @ {version_control.get('vcs', '')}{'+' if at else ''}"
            url = got["url"].replace("://", f"://{logins.get(got['url'], '')}", 1)
            folder = f"#subdirectory={got['subdirectory']}" if got.get("subdirectory") else ""
            line += f"{url}{at}{folder}"
        archive = got.get("archive_info", {})
        sha256 = archive.get("hashes", {}).get("sha256", "")
        # As pip 22 says it.
        sha256 = sha256 or archive.get("hash", "").rpartition("sha256=")[2]
        found.append((line, sha256))
    is_hashed = all(sha256 for _, sha256 in found)
    return [f"{line} --hash=sha256:{sha256}" if is_hashed else line for line, sha256 in found]


def require_weft(root: Path | None) -> None:
    """Told now, and not by a pod that does not start."""
    places = [sysconfig.get_path(name) for name in ("purelib", "platlib")]
    roots = [f"{root}{place}" for place in dict.fromkeys(places)] if root else []
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
    command = [sys.executable, "-c", _CHECK, *roots]
    done = subprocess.run(command, env=environment, check=False)  # noqa: S603
    if done.returncode:
        raise BuildError("the base, or the requirements, must bring weft: it cannot be imported")


def replaced(root: Path) -> list[str]:
    """Files of the base that belong to other versions of what is below `root`, without a slash."""
    places = {f"{root}{sysconfig.get_path(name)}" for name in ("purelib", "platlib")}
    new = [each.metadata["Name"] for each in importlib.metadata.distributions(path=sorted(places))]
    gone: set[str] = set()
    for name in new:
        try:
            old = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        # Without following links: a layer has the names that the base has.
        files = [str(old.locate_file(file)) for file in old.files or ()]
        paths = [os.path.abspath(file) for file in files]  # noqa: PTH100
        gone.update(path for path in paths if not (root / path[1:]).exists())
    return sorted(path[1:] for path in gone)
