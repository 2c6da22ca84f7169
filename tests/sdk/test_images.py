"""What an image is made of, and the key that this has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.registry import fake_registry
from weft._dockerfile import bases_of, pinned, sources_of
from weft._image import Image
from weft._image_recipe import Recipe, recipe_of
from weft._image_registry import (
    HUB,
    HUB_INDEX,
    Login,
    Reference,
    base_url,
    digest_of,
    known_login,
    send,
)
from weft._image_tools import Tool
from weft._image_upload import upload
from weft.errors import ImageError

BASE = "registry.example/python:3.12"
DIGEST = f"sha256:{'a' * 64}"


def recipe(image: Image, folder: Path, digest: str = DIGEST) -> Recipe:
    found = recipe_of(image, folder, base=BASE, build_args={})
    return found.pin(lambda _base: digest)


def test_a_dockerfile_is_made_of_what_was_asked_for(tmp_path: Path) -> None:
    image = Image(
        python="3.12",
        apt=["libgomp1", "git"],
        requirements=["numpy==2.1.0"],
        build_args={"INDEX": "a"},
    )
    made = recipe(image, tmp_path)
    assert made.dockerfile == (
        f"FROM {BASE}@{DIGEST}\n"
        "USER 0\n"
        "ARG INDEX\n"
        "RUN python -c \"import sys; found = '%d.%d' % sys.version_info[:2]; \\\n"
        "      found == '3.12' or sys.exit('this base has Python ' + found + ', not 3.12')\"\n"
        "RUN apt-get update \\\n"
        " && apt-get install -y --no-install-recommends git libgomp1 \\\n"
        " && rm -rf /var/lib/apt/lists/*\n"
        "COPY . /opt/weft-image\n"
        "RUN cd /opt/weft-image && python -m pip install --no-cache-dir"
        " --disable-pip-version-check --root-user-action ignore -r requirements.txt\n"
        'RUN python -c "import weft"\n'
        "USER 10001:10001\n"
    )
    assert made.files["requirements.txt"].data == b"numpy==2.1.0\n"


def test_the_key_follows_what_the_image_is_made_of_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy==2.1.0\n")
    image = Image(requirements="requirements.txt")
    key = recipe(image, tmp_path).key
    (tmp_path / "train.py").write_text("print('other code')")
    (tmp_path / "requirements.txt").write_text("# why\nnumpy==2.1.0   # pinned\n\n")
    assert recipe(image, tmp_path).key == key
    assert recipe(replace(image, requirements=["numpy==2.1.0"]), tmp_path).key == key
    others = [
        recipe(replace(image, requirements=["numpy==2.1.1"]), tmp_path),
        recipe(replace(image, apt=["git"]), tmp_path),
        recipe(replace(image, python="3.12"), tmp_path),
        recipe(replace(image, build_args={"A": "1"}), tmp_path),
        recipe(replace(image, build_args={"A": "2"}), tmp_path),
        recipe(replace(image, base="registry.example/other:1"), tmp_path),
        recipe(image, tmp_path, digest=f"sha256:{'b' * 64}"),
        recipe(image, tmp_path, digest="local 4711"),
    ]
    assert len({key, *(other.key for other in others)}) == len(others) + 1


def test_requirements_may_lie_in_several_files_and_name_wheels(tmp_path: Path) -> None:
    (tmp_path / "libs").mkdir()
    (tmp_path / "libs/ours-1.0-py3-none-any.whl").write_bytes(b"wheel")
    (tmp_path / "base.txt").write_text(
        "scipy==1.14 \\\n  --hash=sha256:00\n./libs/ours-1.0-py3-none-any.whl\n"
    )
    (tmp_path / "requirements.txt").write_text("-r base.txt\nnumpy==2.1.0\n")
    files = recipe(Image(requirements="requirements.txt"), tmp_path).files
    assert files["requirements.txt"].data.decode().splitlines() == [
        "scipy==1.14 --hash=sha256:00",
        "./wheels/ours-1.0-py3-none-any.whl",
        "numpy==2.1.0",
    ]
    assert files["wheels/ours-1.0-py3-none-any.whl"].data == b"wheel"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("-r requirements.txt", "in circles"),
        ("-r absent.txt", "no file absent.txt"),
        ("-c constraints.txt", "constraints"),
        ("-e .", "build a wheel"),
        ("./folder", "build a wheel"),
        ("./absent.whl", "no file"),
    ],
)
def test_requirements_of_this_machine_alone_are_refused(
    tmp_path: Path, lines: str, says: str
) -> None:
    (tmp_path / "requirements.txt").write_text(lines)
    with pytest.raises(ImageError, match=says):
        recipe(Image(requirements="requirements.txt"), tmp_path)


def test_a_dockerfile_of_ones_own_takes_in_what_it_copies(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        f"FROM {BASE} AS build\n"
        "COPY requirements.txt /\n"
        'COPY --chown=1:1 ["conf", "/conf"]\n'
        "COPY <<END /motd\nCOPY train.py /\nEND\n"
        "# COPY train.py /\n"
        "FROM scratch\nCOPY --from=build / /\nFROM build\n"
    )
    for name in ("requirements.txt", "conf/a.ini", "conf/run.sh", "train.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "conf/run.sh").chmod(0o755)
    image = Image(dockerfile="Dockerfile")
    made = recipe(image, tmp_path)
    assert sorted(made.files) == ["conf/a.ini", "conf/run.sh", "requirements.txt"]
    assert made.dockerfile.startswith(f"FROM {BASE}@{DIGEST} AS build\n")
    assert made.dockerfile.endswith("FROM build\n")
    (tmp_path / "train.py").write_text("other code")
    assert recipe(image, tmp_path).key == made.key
    (tmp_path / "conf/run.sh").chmod(0o644)
    assert recipe(image, tmp_path).key != made.key


def test_arithmetic_is_no_heredoc(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("code")
    (tmp_path / "Dockerfile").write_text(
        f"FROM {BASE}\nRUN echo $((1<<N)) $((1 <<N))\nRUN cat <<'N' | sh\nCOPY a /\nN\n"
        "COPY train.py /\nRUN cat <<-END >/x\nCOPY b /\n\tEND\n"
    )
    assert list(recipe(Image(dockerfile="Dockerfile"), tmp_path).files) == ["train.py"]


@pytest.mark.parametrize("name", [".dockerignore", "Dockerfile.dockerignore", ".containerignore"])
def test_what_an_ignore_file_may_be_about_is_refused(tmp_path: Path, name: str) -> None:
    for file in (name, "conf/secrets.json"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("conf/secrets.json")
    image = Image(dockerfile="Dockerfile")
    for source in (".", "conf", "conf/*", "c?nf/secrets.json"):
        (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nCOPY {source} /\n")
        with pytest.raises(ImageError, match=f"does not read {name}"):
            recipe(image, tmp_path)
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nCOPY ./conf/secrets.json /\n")
    assert list(recipe(image, tmp_path).files) == ["conf/secrets.json"]


def test_what_is_left_out_of_a_folder_is_known(tmp_path: Path) -> None:
    for name in (".env", "a.py", "build/x", "conf/b.ini", "conf/.hidden/c", "__pycache__/a.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("a.py")
    (tmp_path / "linked").symlink_to("conf")
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nCOPY . /\nCOPY .env /\n")
    made = recipe(Image(dockerfile="Dockerfile"), tmp_path)
    assert sorted(made.files) == [".env", "Dockerfile", "a.py", "conf/b.ini"]
    assert made.left_out == ("build", "conf/.hidden", "link", "linked")


def test_nothing_is_read_of_what_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nCOPY data /\n")
    (tmp_path / "data").mkdir()
    # A hole: it would fill the memory, and takes no room on the disk.
    with (tmp_path / "data/huge").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ImageError, match="more than 256 MiB"):
        recipe(Image(dockerfile="Dockerfile"), tmp_path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("COPY absent /", "no such file"),
        ("COPY ../secret /", "leads out"),
        ("COPY link /", "is a link"),
        ("COPY linked /", "is a link"),
        ("COPY linked/passwd /", "behind one"),
        ("COPY $FILE /", "write out"),
        ('COPY ["a', "COPY"),
        ("RUN --mount=type=bind,target=/x make", "unseen"),
    ],
)
def test_a_dockerfile_that_hides_what_it_takes_in_is_refused(
    tmp_path: Path, line: str, says: str
) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "linked").symlink_to("/etc")
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\n{line}\n")
    with pytest.raises(ImageError, match=says):
        recipe(Image(dockerfile="Dockerfile"), tmp_path)


@given(st.lists(st.sampled_from(["FROM a.b/c", "from a.b/c:1 as X", "FROM X", "RUN true", ""])))
def test_pinning_touches_the_bases_alone(lines: list[str]) -> None:
    text = "\n".join(lines)
    names = {base: f"{base}@{DIGEST}" for base in bases_of(text)}
    assert set(names) <= {"a.b/c", "a.b/c:1", "X"}
    done = pinned(text, names)
    assert done.replace(f"@{DIGEST}", "") == text
    assert pinned(done, names) == done
    assert list(sources_of(done)) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: Image(base="-rm"),
        lambda: Image(base="a b"),
        lambda: Image(apt=["git; rm -rf /"]),
        lambda: Image(apt=["--allow-downgrades"]),
        lambda: Image(apt="git"),
        lambda: Image(python="3.12; true"),
        lambda: Image(requirements=["numpy\n-r x"]),
        lambda: Image(build_args={"A B": "1"}),
        lambda: Image(build_args={"A": "1\nRUN x"}),
        lambda: Image(dockerfile="Dockerfile", apt=["git"]),
        lambda: Image.of({"bases": "x"}),
        lambda: Image.of({"apt": "git"}),
        lambda: Image.of([]),
    ],
)
def test_hostile_images_are_refused(make: Callable[[], Image]) -> None:
    with pytest.raises(ValueError, match=r"Image|image|apt"):
        make()


def test_a_base_that_is_told_by_nobody_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="base_image"):
        recipe_of(Image(), tmp_path, base="", build_args={})
    base = "registry.example/python:{python}-slim"
    with pytest.raises(ImageError, match="needs a version"):
        recipe_of(Image(), tmp_path, base=base, build_args={})
    made = recipe_of(Image(python="3.12"), tmp_path, base=base, build_args={})
    assert made.bases == ("registry.example/python:3.12-slim",)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("python:3.12", None),
        ("team/python", None),
        (f"a.b/c@{DIGEST}", None),
        ("a.b/c", Reference("a.b", "c")),
        ("localhost:5000/c/d:1", Reference("localhost:5000", "c/d", "1")),
    ],
)
def test_references(text: str, found: Reference | None) -> None:
    assert Reference.of(text) == found


def test_a_login_shows_nothing() -> None:
    assert "s3cret" not in repr(Login("me", "s3cret", "s3cret"))


def test_an_image_is_pushed_with_a_token_alone(tmp_path: Path) -> None:
    layers = [b"a layer of the base", b"a layer of ours"]
    digests = [f"sha256:{hashlib.sha256(content).hexdigest()}" for content in (b"{}", *layers)]
    for digest, content in zip(digests, (b"{}", *layers), strict=True):
        (tmp_path / digest.removeprefix("sha256:")).write_bytes(content)
    kind = "application/vnd.oci.image.manifest.v1+json"
    parts = [{"digest": digest} for digest in digests]
    manifest = {"mediaType": kind, "config": parts[0], "layers": parts[1:]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    login = Login(bearer_token="granted")
    given: list[Login] = []

    def give() -> Login:
        given.append(login)
        return login

    with fake_registry() as registry:
        registry.username, registry.has_tokens = "ana", True
        registry.blobs[digests[1]] = layers[0]
        image = Reference(registry.host, "team/x", "1")
        assert upload(tmp_path, image, give) == registry.digest("team/x:1")
        assert len(given) == len(digests) + 1
        assert digest_of(image, login) == registry.digest("team/x:1")
        assert set(registry.blobs) == set(digests)
        with pytest.raises(ImageError, match="answers 401"):
            upload(tmp_path, image, lambda: Login(bearer_token="of yesterday"))
        (tmp_path / digests[2].removeprefix("sha256:")).write_bytes(b"something else")
        del registry.blobs[digests[2]]
        with pytest.raises(ImageError, match="answers 400"):
            upload(tmp_path, image, give)


def test_a_token_goes_to_the_registry_alone() -> None:
    with fake_registry() as registry, fake_registry() as storage:
        registry.username, registry.has_tokens = "ana", True
        storage.username, storage.has_tokens = "ana", True
        storage.hold("x:1")
        image, login = Reference(registry.host, "team/x", "1"), Login(bearer_token="granted")
        elsewhere = f"http://{storage.host}/v2/x/manifests/1"
        assert send(image, login, "HEAD", elsewhere).status == 401


@pytest.mark.parametrize("has_tokens", [True, False])
def test_no_login_follows_to_where_a_registry_sends_us(*, has_tokens: bool) -> None:
    with fake_registry() as registry, fake_registry() as elsewhere:
        registry.username, registry.password, registry.has_tokens = "ana", "s3cret", has_tokens
        registry.sends_to = elsewhere.host
        image, login = Reference(registry.host, "team/x", "1"), Login("ana", "s3cret")
        elsewhere.username = "somebody"
        with pytest.raises(ImageError):
            digest_of(image, login)
        assert registry.basic in registry.authorizations
        assert set(elsewhere.authorizations) == {""}


def test_the_hub_is_called_by_all_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert base_url(Reference(HUB, "python", "3.12")).endswith(f"{HUB}/v2/library/python")
    assert base_url(Reference(HUB, "team/python")).endswith(f"{HUB}/v2/team/python")
    assert base_url(Reference("a.b", "python")) == "https://a.b/v2/python"
    login = Login("ana", "s3cret")
    auths = {HUB_INDEX: {"auth": login.basic}, "https://a.b/v1/": {"auth": login.basic}, "c.d": {}}
    _configure_docker(tmp_path, monkeypatch, {"auths": auths})
    assert [known_login(host) for host in (HUB, "a.b", "c.d")] == [login, login, Login()]


def test_docker_is_configured_as_before_and_has_our_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, ours = Login("ana", "old"), Login("ana", "s3cret")
    folder = _configure_docker(
        tmp_path,
        monkeypatch,
        {
            "auths": {"a.b": {"auth": theirs.basic}, HUB_INDEX: {"auth": theirs.basic}},
            "currentContext": "far",
            "credsStore": "desktop",
            "credHelpers": {"e.f": "cloud", HUB_INDEX: "cloud"},
        },
    )
    (folder / "contexts/meta").mkdir(parents=True)
    # What it was started with: its configuration, and what a context and a login are there.
    tool = _tool(
        tmp_path,
        "docker",
        'cat "$2/config.json"; echo; ls "$2/contexts"; test ! -e "$2/cli-plugins"',
    )
    said: list[str] = []
    recipe = Recipe(f"FROM {BASE}\n", {}, {}, (BASE,))
    tool.build(recipe, Reference(HUB, "team/x"), ours, said.append)
    assert said.pop() == "meta"
    document = json.loads("".join(said))
    assert (document["currentContext"], document["credsStore"]) == ("far", "desktop")
    assert document["credHelpers"] == {"e.f": "cloud", HUB: "", HUB_INDEX: ""}
    basics = {host: own["auth"] for host, own in document["auths"].items()}
    assert basics == {"a.b": theirs.basic, HUB: ours.basic, HUB_INDEX: ours.basic}


def _configure_docker(folder: Path, monkeypatch: pytest.MonkeyPatch, document: object) -> Path:
    for name in ("XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    (folder / "config.json").write_text(json.dumps(document))
    return folder


def _tool(folder: Path, name: str, script: str) -> Tool:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Tool(name, str(program))
