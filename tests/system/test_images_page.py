"""The commands of `docs/images.md`, typed as they stand there, with podman and a real registry."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pip
import pytest

from tests.registry import registry
from tests.system.walking import Shell, read
from weft._image_recipe import File, Recipe
from weft._image_registry import NOBODY, Login, Reference, digest_of
from weft._image_tools import find_tool

PAGE = Path(__file__).parents[2] / "docs/images.md"
IMAGE = os.environ.get("WEFT_TEST_IMAGE", "")
pytestmark = [
    pytest.mark.image,
    pytest.mark.skipif(not IMAGE, reason="WEFT_TEST_IMAGE names no image"),
    pytest.mark.timeout(300),
]


@dataclass(frozen=True)
class Place:
    """A registry, and a base in it."""

    host: str
    base: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with registry(tmp_path_factory.mktemp("registry")) as host:
        base = f"{host}/base/weft:1"
        _make_base(base, tmp_path_factory.mktemp("base"))
        try:
            yield Place(host, base)
        finally:
            found = _podman("images", "--quiet", "--filter", f"reference={host}/*/*").split()
            _podman("rmi", "--force", "--ignore", *found)


def _make_base(base: str, folder: Path) -> None:
    """Weft's own image, with the pip that it does without."""
    shutil.copytree(Path(pip.__file__).parent, folder / "pip/pip")
    to = "/opt/weft/lib/python3.11/site-packages"
    (folder / "Dockerfile").write_text(f"FROM {IMAGE}\nCOPY pip {to}\n")
    _podman("build", "--quiet", "--tag", base, str(folder))
    _podman("push", "--quiet", "--tls-verify=false", base)


def _podman(*arguments: str) -> str:
    done = subprocess.run(
        ["podman", *arguments], capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_does_what_it_says(shell: Shell, place: Place) -> None:
    shell.run(f"export REGISTRY={place.host} BASE={place.base}")
    steps = [step for chapter in read(PAGE.read_text(encoding="utf-8")) for step in chapter.steps]
    assert len(steps) > 15
    for step in steps:
        shell.walk(step)


def test_podmans_images_are_pushed_with_a_token_too(place: Place) -> None:
    """By our own upload, which the registry, and podman when it pulls, must find right."""
    recipe = Recipe(
        f"FROM {place.base}\nCOPY hello /hello\n", {"hello": File(b"hello")}, {}, (place.base,)
    )
    image = Reference(place.host, "team/token", "1")
    said: list[str] = []
    tool = find_tool("podman")
    tool.build(recipe, image, NOBODY, said.append)
    digest = tool.push(image, lambda: Login(bearer_token="any"), said.append)
    assert digest_of(image) == digest
    pulled = f"{place.host}/team/token@{digest}"
    _podman("pull", "--quiet", "--tls-verify=false", pulled)
    [found] = json.loads(_podman("image", "inspect", pulled))
    assert found["RootFS"] == json.loads(_podman("image", "inspect", str(image)))[0]["RootFS"]
