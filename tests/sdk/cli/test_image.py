"""`weft image`, and the images of `weft run`: with a fake podman and a fake registry."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import ROOT, Result
from tests.fakes.registry import FakeRegistry, fake_registry
from tests.sdk.cli.conftest import Weft
from weft._image_registry import NOBODY, Login, Reference, digest_of
from weft._image_tools import find_tool
from weft.errors import ImageError

PIPELINE = """
from weft import Image, pipeline, step

@step
def one() -> int:
    return 1

@step(image=Image(apt=["git"]))
def two(value: int) -> int:
    return value

@pipeline(image=Image(requirements="requirements.txt"))
def boxed(wanted: int) -> int:
    return two(one())

@pipeline
def plain() -> int:
    return one()
"""
STACK = ("--stack", "boxed", "-p", "wanted=1")


@pytest.fixture(scope="module")
def registry() -> Iterator[FakeRegistry]:
    with fake_registry() as registry:
        registry.hold("base/python:3.11")
        yield registry


@dataclass(frozen=True)
class Bench:
    """A folder with pipelines, a stack that builds, and a podman."""

    weft: Weft
    folder: Path
    path: str

    def __call__(self, *arguments: str) -> Result:
        variables = {"PATH": self.path, "FAKE_PODMAN": str(self.folder / "images")}
        return self.weft(*arguments, HOME=str(self.folder), **variables)

    @property
    def boxed(self) -> str:
        return f"{self.folder / 'flow.py'}::boxed"


@pytest.fixture(scope="module")
def bench(weft: Weft, registry: FakeRegistry, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("images")
    (folder / "flow.py").write_text(PIPELINE)
    (folder / "requirements.txt").write_text("numpy==2.1.0\n")
    for name in ("bin", "images"):
        (folder / name).mkdir()
    podman = folder / "bin/podman"
    podman.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/tests/fakes/podman.py "$@"\n')
    podman.chmod(0o755)
    password = folder / "password"
    password.write_text("hunter2hunter2")
    registry.username, registry.password = "builder", "hunter2hunter2"
    components = {
        "hub": [
            *("generic-container-registry", f"registry={registry.host}", "repository=team/weft"),
            *("username=builder", "password={{secrets.hub.password}}"),
        ],
        "maker": [
            *("local-image-builder", f"base_image={registry.host}/base/python:3.11"),
            "build_arguments.MIRROR=near",
        ],
        "pods": ["kubernetes-orchestrator"],
    }
    commands = [["secrets", "create", "hub", "--file", f"password={password}"]]
    for id_, (flavor, *settings) in components.items():
        said = [word for setting in settings for word in ("--set", setting)]
        commands.append(["components", "create", id_, "--flavor", flavor, *said])
    for id_, *parts in (("boxed", "hub", "maker"), ("homeless", "maker"), ("pods", "pods")):
        said = [word for part in parts for word in ("-c", part)]
        commands.append(["stacks", "create", id_, *said])
    for command in commands:
        done = weft(*command)
        assert done.code == 0, done.err
    return Bench(weft, folder, f"{folder / 'bin'}:/usr/bin:/bin")


def test_an_image_is_built_once_for_the_same_inputs(bench: Bench, registry: FakeRegistry) -> None:
    assert "not built yet" in bench("image", "show", bench.boxed, *STACK).err
    built = bench("image", "push", bench.boxed, *STACK)
    assert built.code == 0, built.err
    assert built.err.count("building ") == built.err.count("image pushed: ") == 2
    assert "hunter2" not in built.err + built.out
    (bench.folder / "flow.py").write_text(PIPELINE + "\n# other code\n")
    again = bench("image", "push", bench.boxed, *STACK)
    assert again.err.startswith("image unchanged: build ")
    assert again.out == built.out
    shown = json.loads(bench("builds", "show", built.out.strip(), "-o", "json").out)
    for image in (shown["image"], shown["stepImages"]["two"]):
        host, _, name = image["uri"].partition("/")
        assert (host, image["digest"]) == (registry.host, registry.digest(name))
    made = json.loads(registry.manifests[shown["image"]["uri"].partition("/")[2]])
    assert made[0].startswith(f"FROM {registry.host}/base/python:3.11@sha256:")
    assert made[1:] == [["requirements.txt"], ["MIRROR=near"]]


def test_a_run_is_pinned_to_its_images(bench: Bench) -> None:
    one = bench.folder / "one.py"
    one.write_text(
        "from weft import pipeline, step\n\n@step\ndef one() -> int:\n    return 1\n\n"
        "@pipeline\ndef single() -> int:\n    return one()\n"
    )
    (bench.folder / "weft.toml").write_text('[image]\nrequirements = ["numpy==2.2.0"]\n')
    try:
        first = bench("run", str(one), "--stack", "boxed", "-o", "name")
        again = bench("run", str(one), "--stack", "boxed", "-o", "name")
    finally:
        (bench.folder / "weft.toml").unlink()
    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert "image pushed" in first.err
    assert "image unchanged: build" in again.err
    runs = [
        json.loads(bench("runs", "show", done.out.strip(), "-o", "json").out)
        for done in (first, again)
    ]
    builds = [
        json.loads(bench("snapshots", "show", run["snapshot"], "-o", "json").out)["build"]
        for run in runs
    ]
    assert builds[0] == builds[1] != ""


def test_a_failing_build_speaks_for_itself_and_leaves_nothing(bench: Bench) -> None:
    requirements = bench.folder / "requirements.txt"
    requirements.write_text("impossible==1\n")
    try:
        done = bench("image", "push", bench.boxed, *STACK)
    finally:
        requirements.write_text("numpy==2.1.0\n")
    assert done.code == 1
    assert "No matching distribution found for impossible" in done.err
    listed = json.loads(bench("builds", "list", "-o", "json").out)
    assert all("impossible" not in json.dumps(build) for build in listed)


def test_what_stays_on_this_machine_is_not_pushed(bench: Bench, registry: FakeRegistry) -> None:
    held = set(registry.manifests)
    done = bench("image", "build", bench.boxed, *STACK)
    assert done.code == 0, done.err
    assert done.err.count("image built: ") == 2
    assert set(registry.manifests) == held
    forced = bench("image", "push", "--force", bench.boxed, *STACK)
    assert forced.err.count("building ") == 2, forced.err


def test_a_dockerfile_can_be_read(bench: Bench) -> None:
    done = bench("image", "dockerfile", bench.boxed, *STACK, "--step", "two")
    assert "install -y --no-install-recommends git" in done.out, done.err
    assert bench("image", "dockerfile", bench.boxed, *STACK, "--step", "one").code == 5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("image", "show", "{file}::plain"), "asks for no image"),
        (
            ("image", "show", "{file}::boxed", "-p", "wanted=1", "--stack", "homeless"),
            "no container registry",
        ),
        (("run", "{file}::boxed", "--wanted", "1", "--stack", "pods"), "no image builder"),
        (("image", "push", "{file}::boxed", *STACK, "--with", "docker"), "no docker"),
    ],
)
def test_what_is_missing_is_said(bench: Bench, arguments: tuple[str, ...], says: str) -> None:
    file = bench.folder / "flow.py"
    if "docker" in arguments:
        (bench.folder / "requirements.txt").write_text("numpy==2.3.0\n")
    done = bench(*(argument.format(file=file) for argument in arguments))
    assert done.code != 0
    assert says in done.err


def test_registries_are_asked_as_they_want_to_be() -> None:
    login = Login("ana", "s3cret")
    with fake_registry() as registry:
        digest = registry.hold("team/x:1")
        image = Reference(registry.host, "team/x", "1")
        assert digest_of(image) == digest
        assert digest_of(Reference(registry.host, "team/x", "2")) == ""
        registry.username, registry.password = login.username, login.password
        assert digest_of(image, login) == digest
        for wrong in (NOBODY, Login("ana", "wrong"), Login(bearer_token="wrong")):
            with pytest.raises(ImageError, match=registry.host):
                digest_of(image, wrong)
        registry.has_tokens = True
        assert digest_of(image, login) == digest
        assert digest_of(image, Login(bearer_token="granted")) == digest
        assert registry.seen == ["repository:team/x:pull"]
        with pytest.raises(ImageError, match="token service"):
            digest_of(image, Login("ana", "wrong"))
    with pytest.raises(ImageError, match="cannot be reached"):
        digest_of(image)


def test_a_machine_without_a_builder_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageError, match="no podman and no docker"):
        find_tool()
