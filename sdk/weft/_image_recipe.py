"""From what an image holds to the files that it is built of, and the key that these have.

Nothing here reaches for a network: which content a tag has today is told by the caller.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from weft._dockerfile import bases_of, pinned, sources_of
from weft._image import Image
from weft._submit import code_files
from weft.errors import ImageError

# What lines for pip are called among the files of an image.
REQUIREMENTS = "requirements.txt"
# Another number, and every image is built anew: for when the same inputs come to mean more.
_VERSION = 1
_MAX_CONTEXT_BYTES = 256 << 20
_MAX_INCLUDES = 16
# What the builders read beside a Dockerfile, or under its own name.
_IGNORING = (".dockerignore", ".containerignore")
# Of which nobody needs to hear that it is left out.
_COMPILED = "__pycache__"
_CHECK = """\
RUN python -c "import sys; found = '%d.%d' % sys.version_info[:2]; \\
      found == '{python}' or sys.exit('this base has Python ' + found + ', not {python}')"
"""


@dataclass(frozen=True, slots=True)
class File:
    """A file that goes into an image."""

    data: bytes
    is_executable: bool = False

    @property
    def key(self) -> list[str | bool]:
        """What it is, in short."""
        return [_hash(self.data), self.is_executable]


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that an image is made of.

    `bases` are the images that it begins with; `contents` what those are that no registry has;
    `left_out` what lies in the folders that are copied, and does not go into the image.
    """

    dockerfile: str
    files: Mapping[str, File]
    build_args: Mapping[str, str]
    bases: tuple[str, ...]
    contents: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The SHA-256, in hexadecimal digits, of all of it."""
        said = {
            "version": _VERSION,
            "dockerfile": self.dockerfile,
            "files": {name: file.key for name, file in self.files.items()},
            "build_args": dict(self.build_args),
            "contents": dict(self.contents),
        }
        return _hash(json.dumps(said, sort_keys=True).encode())

    def pin(self, digest_of: Callable[[str], str]) -> Recipe:
        """The same on the very content that its bases have now.

        `digest_of` answers "sha256:..." for those of a registry, another text for others.
        """
        found = {base: digest_of(base) for base in self.bases if "@" not in base}
        names = {base: f"{base}@{it}" for base, it in found.items() if it.startswith("sha256:")}
        contents = {base: it for base, it in found.items() if base not in names}
        bases = tuple(names.get(base, base) for base in self.bases)
        return replace(
            self, dockerfile=pinned(self.dockerfile, names), bases=bases, contents=contents
        )


def recipe_of(image: Image, folder: Path, *, base: str, build_args: Mapping[str, str]) -> Recipe:
    """What an image is made of; `base` and `build_args` are those of the stack.

    Raises:
        ImageError: A file is missing, or says what cannot be built.
    """
    arguments = {**build_args, **image.build_args}
    if image.dockerfile:
        return _of_their_own(_inside(folder, image.dockerfile), arguments)
    base = image.base or base
    if not base:
        raise ImageError(
            "say what the image begins with: Image(base=...), or base_image of the stack's image "
            "builder"
        )
    if "{python}" in base and not image.python:
        raise ImageError(f"{base} needs a version of Python: Image(python='3.12')")
    base = base.replace("{python}", image.python)
    return _generated(image, base, folder, arguments)


def _generated(image: Image, base: str, folder: Path, arguments: Mapping[str, str]) -> Recipe:
    lines, wheels = _requirements(image, folder)
    # Later lines change more often: what stands above them is kept by the builder.
    text = f"FROM {base}\nUSER 0\n"
    text += "".join(f"ARG {name}\n" for name in sorted(arguments))
    if image.python:
        text += _CHECK.replace("{python}", image.python)
    if image.apt:
        packages = " ".join(sorted(set(image.apt)))
        text += (
            "RUN apt-get update \\\n"
            f" && apt-get install -y --no-install-recommends {packages} \\\n"
            " && rm -rf /var/lib/apt/lists/*\n"
        )
    files: dict[str, File] = {}
    if lines:
        said = "".join(f"{line}\n" for line in lines)
        files = {REQUIREMENTS: File(said.encode()), **wheels}
        text += (
            "COPY . /opt/weft-image\n"
            "RUN cd /opt/weft-image && python -m pip install --no-cache-dir"
            f" --disable-pip-version-check --root-user-action ignore -r {REQUIREMENTS}\n"
        )
    # Told now, by the builder, and not by a pod that does not start.
    text += 'RUN python -c "import weft"\nUSER 10001:10001\n'
    return Recipe(text, files, arguments, (base,))


def _requirements(image: Image, folder: Path) -> tuple[list[str], dict[str, File]]:
    """The lines, and the wheels that they name."""
    wheels: dict[str, File] = {}
    if isinstance(image.requirements, str):
        lines = _lines_of(_inside(folder, image.requirements), _MAX_INCLUDES)
    else:
        lines = iter([(folder, line.strip()) for line in image.requirements])
    found = []
    for place, line in lines:
        if line.startswith(("./", "../", "/")) and line.endswith(".whl"):
            wheel = _inside(folder, str(place / line))
            wheels[f"wheels/{wheel.name}"] = File(_read(wheel))
            found.append(f"./wheels/{wheel.name}")
        elif line.startswith(("-e", "--editable", "./", "../", "/", "file:")):
            raise ImageError(
                f"the requirement {line!r} is a folder of this machine: build a wheel of it, and "
                "name that"
            )
        elif line:
            found.append(line)
    return found, wheels


def _lines_of(file: Path, includes_left: int) -> Iterator[tuple[Path, str]]:
    """Lines that say something, with the folder that they stand in; those included, too."""
    if not includes_left:
        raise ImageError(f"{file.name} is included in circles")
    text = _read(file).decode("utf-8", "replace").replace("\\\n", " ")
    for line in text.splitlines():
        said = line.partition(" #")[0].strip()
        option, _, other = said.replace("=", " ", 1).partition(" ")
        if option in {"-r", "--requirement"}:
            other_file = _inside(file.parent, other.strip())
            yield from _lines_of(other_file, includes_left - 1)
        elif option in {"-c", "--constraint"}:
            raise ImageError(f"{file.name} has a constraints file: pin the requirements instead")
        elif said and not said.startswith("#"):
            yield file.parent, " ".join(said.split())


def _of_their_own(dockerfile: Path, arguments: Mapping[str, str]) -> Recipe:
    text = _read(dockerfile).decode("utf-8", "replace")
    folder = dockerfile.parent
    left_out: list[Path] = []
    found = {
        file.relative_to(folder).as_posix(): file
        for source in sources_of(text)
        for file in _files_of(dockerfile, source, left_out)
    }
    # Before anything is read: a folder of data would fill the memory.
    if sum(file.stat().st_size for file in found.values()) > _MAX_CONTEXT_BYTES:
        raise ImageError(f"{dockerfile.name} copies more than {_MAX_CONTEXT_BYTES >> 20} MiB")
    files = {
        name: File(_read(file), bool(file.stat().st_mode & 0o100)) for name, file in found.items()
    }
    others = {path.relative_to(folder).as_posix() for path in left_out if path.name != _COMPILED}
    without = tuple(sorted(others - files.keys()))
    return Recipe(text, files, arguments, tuple(bases_of(text)), left_out=without)


def _files_of(dockerfile: Path, source: str, left_out: list[Path]) -> Iterator[Path]:
    """What COPY or ADD mean by a source, in order."""
    folder = dockerfile.parent
    plain = source.lstrip("/")
    if ".." in Path(plain).parts:
        raise ImageError(f"COPY {source} leads out of the Dockerfile's folder")
    # "." itself is no pattern.
    found = sorted(folder.glob(plain)) if plain not in {"", ".", "./"} else [folder]
    if not found:
        raise ImageError(f"COPY {source}: there is no such file beside the Dockerfile")
    if found != [folder / plain] or found[0].is_dir():
        _require_no_ignoring(dockerfile, source)
    for path in found:
        # A link to a folder is a folder, and one on the way there shows nowhere.
        if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()):
            raise ImageError(f"COPY {source}: {path.name} is a link, or behind one")
        yield from code_files(path, left_out) if path.is_dir() else [path]


def _require_no_ignoring(dockerfile: Path, source: str) -> None:
    """Refuses what an ignore file may be about: it might keep secrets out of the image."""
    for name in _IGNORING:
        for file in (dockerfile.with_name(name), dockerfile.with_name(dockerfile.name + name)):
            if file.is_file():
                raise ImageError(
                    f"COPY {source}: Weft does not read {file.name}: name the files one by one, "
                    "or move the Dockerfile, and what it copies, to a folder without one"
                )


def _inside(folder: Path, path: str) -> Path:
    """A file; relative paths begin in the folder."""
    found = (folder / path).resolve()
    if not found.is_file():
        raise ImageError(f"there is no file {path} in {folder}")
    return found


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ImageError(f"{file.name} cannot be read: {error.strerror}") from error


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
