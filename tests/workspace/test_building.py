"""The program that builds images in pods, against a real registry; with the Python of the tests."""

import io
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.registry import fake_registry
from tests.image_building import blob, files_of, image, push_base, wheel
from tests.registry import registry
from workspace.building import program, recipes
from workspace.building.packages import logins_of, pins
from workspace.building.registry import BuildError, Repository, sha256

TEAM = "team/weft"
SITE = sysconfig.get_path("purelib")[1:]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry(tmp_path_factory.mktemp("registry")) as place:
        yield place


def recipe(host: str, tag: str, *requirements: str, **fields: Any) -> dict[str, Any]:
    made = {"uri": f"{host}/{TEAM}:{tag}", "base": push_base(host), "build_arguments": {}}
    return made | {"requirements": list(requirements)} | fields


def build(
    said: dict[str, Any], folder: Path, login: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Has a process of its own do it, as a workload would be started."""
    folder.mkdir(exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    for name, content in program.files(said, login or {}).items():
        (folder / name).write_text(content)
        environment[name] = str(folder / name)
    command = [sys.executable, *program.ARGS]
    # From elsewhere: the package that it has come with is the one that it shall take.
    return subprocess.run(
        command, env=environment, cwd="/", capture_output=True, text=True, check=False, timeout=100
    )


def digest_of(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    word, _, digest = done.stdout.splitlines()[-1].partition(" ")
    assert word == "weft-image"
    return digest


def test_packages_become_one_layer_more_on_the_base(host: str, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    sha256 = wheel(shelf, "sums", "1.0", "def add(a, b):\n    return a + b\n")
    lines = ["--no-index", f"--find-links {shelf}", f"sums==1.0 --hash=sha256:{sha256}"]
    said = recipe(host, "one", *lines)
    digest = digest_of(build(said, tmp_path / "first"))
    made = image(host, TEAM, digest)
    base = image(host, "base/python", said["base"].partition("@")[2])
    base = image(host, "base/python", base["manifests"][1]["digest"])
    assert made["layers"][:-1] == base["layers"]
    files = files_of(blob(host, TEAM, made["layers"][-1]["digest"]))
    assert files[f"{SITE}/sums.py"].startswith(b"def add")
    assert any(name.endswith(".pyc") for name in files)
    config = json.loads(blob(host, TEAM, made["config"]["digest"]))
    assert (config["config"]["User"], len(config["rootfs"]["diff_ids"])) == ("10001:10001", 2)
    assert config["config"]["Env"]
    # Built again by somebody else, it is the same to the last bit; and under its tag it is found.
    other = said | {"uri": f"{host}/{TEAM}:two"}
    assert digest_of(build(other, tmp_path / "second")) == digest
    again = build(said, tmp_path / "third")
    assert (digest_of(again), "already" in again.stdout) == (digest, True)


def test_what_replaces_a_package_of_the_base_takes_its_files_away(
    host: str, tmp_path: Path
) -> None:
    """Its own files of another version would be found beside it."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    wheel(shelf, "iniconfig", "999.0", "")
    said = recipe(host, "instead", "--no-index", f"--find-links {shelf}", "iniconfig==999.0")
    digest = digest_of(build(said, tmp_path / "build"))
    made = image(host, TEAM, digest)
    names = set(files_of(blob(host, TEAM, made["layers"][-1]["digest"])))
    assert f"{SITE}/iniconfig-999.0.dist-info/METADATA" in names
    gone = {name.rpartition("/.wh.")[2] for name in names if "/.wh." in name}
    assert {"METADATA", "RECORD", "__init__.py"} <= gone
    import iniconfig

    assert Path(iniconfig.__file__).is_file()


def test_a_base_that_has_everything_gets_no_packages(host: str, tmp_path: Path) -> None:
    digest = digest_of(build(recipe(host, "bare"), tmp_path / "build"))
    assert len(image(host, TEAM, digest)["layers"]) == 1


@pytest.mark.parametrize(
    ("lines", "fields", "says"),
    [
        (["--no-index", "absent==1"], {}, "No matching distribution found for absent==1"),
        ([], {"python": "3.1"}, "not 3.1"),
        ([], {"base": "127.0.0.1:1/base@sha256:" + "0" * 64}, "cannot be reached"),
    ],
)
def test_what_cannot_be_built_says_why_and_pushes_nothing(
    host: str, tmp_path: Path, lines: list[str], fields: dict[str, Any], says: str
) -> None:
    done = build(recipe(host, "broken", *lines, **fields), tmp_path / "build")
    assert done.returncode == 1
    assert says in done.stdout + done.stderr
    assert Repository(host, TEAM, {}).digest("broken") == ""


def test_packages_are_the_ones_that_their_hashes_say(host: str, tmp_path: Path) -> None:
    wheel(tmp_path, "sums", "1.0", "")
    lines = ["--no-index", f"--find-links {tmp_path}", f"sums==1.0 --hash=sha256:{'0' * 64}"]
    done = build(recipe(host, "unlike", *lines), tmp_path / "build")
    assert (done.returncode, "DO NOT MATCH THE HASHES" in done.stderr) == (1, True)


class Liar(Repository):
    """A registry that answers something else than it was asked for."""

    def send(self, *_arguments: Any, **_more: Any) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, b"{}"


def test_a_registry_that_lies_is_not_believed() -> None:
    liar = Liar("127.0.0.1:1", "base/python", {})
    with pytest.raises(BuildError, match="something else"):
        liar.manifest(f"sha256:{'0' * 64}")
    with pytest.raises(BuildError, match="something else"):
        liar.fetch(f"sha256:{'0' * 64}", io.BytesIO())


@pytest.mark.parametrize("has_tokens", [False, True])
def test_a_registry_is_signed_in_to_as_it_asks(*, has_tokens: bool) -> None:
    with fake_registry() as held:
        digest = held.hold("team/weft:1")
        held.username, held.password, held.has_tokens = "ana", "s3cret", has_tokens
        place = Repository(held.host, TEAM, {"username": "ana", "password": "s3cret"})
        assert place.digest("1") == digest
        place.upload_bytes(sha256(b"layer"), b"layer")
        assert set(held.blobs) == {sha256(b"layer")}
        assert set(held.seen) <= {f"repository:{TEAM}:pull,push"}
        # A user opens other repositories too, but no other registry.
        assert place.beside(held.host, "base").digest("absent") == ""
        with pytest.raises(BuildError, match=r"wants a login|token service"):
            place.beside("localhost:" + held.host.rpartition(":")[2], "base").digest("1")
        if has_tokens:
            token = Repository(held.host, TEAM, {"bearer_token": "granted"})
            assert token.digest("1") == digest
            with pytest.raises(BuildError, match="answers 401"):
                Repository(held.host, TEAM, {"bearer_token": "ended"}).digest("1")


def test_what_pip_chose_is_named_to_the_file() -> None:
    chosen = {
        "metadata": {"name": "a", "version": "1"},
        "download_info": {"archive_info": {"hash": "sha256=" + "0" * 64}},
    }
    of_git = {
        "metadata": {"name": "b", "version": "2"},
        "is_direct": True,
        "download_info": {"url": "https://g/b", "vcs_info": {"vcs": "git", "commit_id": "c0"}},
    }
    assert pins({"install": [chosen]}, {}) == [f"a==1 --hash=sha256:{'0' * 64}"]
    assert pins({"install": [chosen, of_git]}, {}) == ["a==1", "b @ git+https://g/b@c0"]


def test_logins_that_pip_leaves_out_of_what_it_says_are_put_back() -> None:
    asked = [
        "b @ git+https://me:${T}@g/b.git@main#subdirectory=src",
        "https://${T}@h/c-1-py3-none-any.whl ; python_version > '3'",
        "d==1",
    ]
    of_git = {
        "metadata": {"name": "b", "version": "2"},
        "is_direct": True,
        "download_info": {
            "url": "https://g/b.git",
            "vcs_info": {"vcs": "git", "commit_id": "c0"},
            "subdirectory": "src",
        },
    }
    of_url = {
        "metadata": {"name": "c", "version": "1"},
        "is_direct": True,
        "download_info": {"url": "https://h/c-1-py3-none-any.whl", "archive_info": {}},
    }
    assert pins({"install": [of_git, of_url]}, logins_of(asked)) == [
        "b @ git+https://me:${T}@g/b.git@c0#subdirectory=src",
        "c @ https://${T}@h/c-1-py3-none-any.whl",
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("click==8.1 --hash=sha256:00", ""),
        ("--find-links /shelf", ""),
        ("--extra-index-url https://packages.example.com/simple", ""),
        ("a @ https://${TOKEN}@packages.example.com/a-1.tar.gz", ""),
        ("a @ git+ssh://git@code.example.com/a.git@v1", ""),
        ("a @ git+ssh://ana:x@code.example.com/a.git", "has a login"),
        ("a @ git+https://ghp_x@code.example.com/a.git", "has a login"),
        ("-i https://ana:x@packages.example.com/simple", "has a login"),
        ("-r more.txt", "names a file"),
        ("-cpinned.txt", "names a file"),
        ("--editable=.", "names a file"),
        ("../a-1-py3-none-any.whl", "names a file"),
        ("click\n--index-url https://elsewhere.example.com", "one line"),
    ],
)
def test_requirements_that_no_builder_could_or_should_have(line: str, words: str) -> None:
    base = f"registry.example.com:5000/base/python:3.11@sha256:{'b' * 64}"
    said = {"base": base, "requirements": ["click", line], "build_arguments": {"A": "b"}}
    found = list(recipes.problems(said))
    assert [path for path, _ in found] == (["requirements[1]"] if words else [])
    assert all(words in problem for _, problem in found)


@pytest.mark.parametrize("name", ["python:3.11", "base/python", "Host.example/UPPER", "h:5000/"])
def test_a_base_names_its_registry(name: str) -> None:
    said = {"base": f"{name}@sha256:{'b' * 64}", "requirements": [], "build_arguments": {}}
    assert [path for path, _ in recipes.problems(said)] == ["base"]


def test_a_variable_of_pip_that_says_how_an_index_is_entered_is_refused() -> None:
    url = "https://ana:x@packages.example.com/simple"
    base = f"localhost/python@sha256:{'b' * 64}"
    said = {"base": base, "requirements": [], "build_arguments": {"PIP_INDEX_URL": url}}
    assert [path for path, _ in recipes.problems(said)] == ["build_arguments[PIP_INDEX_URL]"]


def test_a_recipe_may_be_long_but_not_endless() -> None:
    long = {"requirements": [os.urandom(32).hex() for _ in range(5000)]}
    assert len(program.files(long, {})) > 4
    with pytest.raises(ValueError, match="compressed"):
        program.files({"requirements": [os.urandom(32).hex() for _ in range(20_000)]}, {})
