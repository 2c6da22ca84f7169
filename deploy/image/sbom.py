"""Says what the image is made of, as CycloneDX: Debian's packages, and those of Python.

python deploy/image/sbom.py VERSION base.tar wheels/ > sbom.cdx.json
"""

import hashlib
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email import message_from_string
from email.message import Message
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL


def debian(base: Path) -> Iterator[Component]:
    """The packages that dpkg knows in the base."""
    with tarfile.open(base) as archive:
        file = archive.extractfile("./var/lib/dpkg/status")
        assert file is not None
        status = file.read().decode()
    for paragraph in status.strip().split("\n\n"):
        package = message_from_string(paragraph)
        where = {"arch": package["Architecture"], "distro": "debian-12"}
        yield Component(
            name=package["Package"],
            version=package["Version"],
            purl=PackageURL("deb", "debian", package["Package"], package["Version"], where),
        )


def python(wheels: Path) -> Iterator[Component]:
    """The distributions that are installed from wheels."""
    for wheel in sorted(wheels.glob("*.whl")):
        told = _metadata(wheel)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        yield Component(
            name=told["Name"],
            version=told["Version"],
            purl=PackageURL("pypi", None, _normal(told["Name"]), told["Version"]),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        )


def _normal(name: str) -> str:
    """A distribution's name as indexes spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [it for it in archive.namelist() if it.endswith(".dist-info/METADATA")]
        return message_from_string(archive.read(name).decode())


def main() -> None:
    version, base, wheels = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    image = Component(name="weft", version=version, type=ComponentType.CONTAINER)
    bom = Bom(components=[*debian(base), *python(wheels)])
    bom.metadata.component = image
    bom.register_dependency(image, bom.components)
    print(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1))


if __name__ == "__main__":
    main()
