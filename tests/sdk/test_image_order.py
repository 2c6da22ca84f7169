"""What workloads can build of an image, and what they cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sdk.test_images import BASE, recipe
from weft._image import Image
from weft._image_order import require_packages
from weft.errors import ImageError


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (Image(dockerfile="Dockerfile"), "^dockerfile of the image of step fit runs"),
        (Image(apt=["git"]), "^apt of the image of step fit installs"),
        (Image(requirements=["./a-1-py3-none-any.whl"]), "^requirements .* name files of this"),
    ],
)
def test_what_a_workload_cannot_build_is_named_by_its_setting(
    tmp_path: Path, image: Image, says: str
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\n")
    (tmp_path / "a-1-py3-none-any.whl").write_bytes(b"wheel")
    made = recipe(image, tmp_path)
    with pytest.raises(ImageError, match=says) as said:
        require_packages("fit", image, made)
    assert "`weft image push`" in str(said.value)


def test_a_base_of_this_machine_is_no_base_for_a_workload(tmp_path: Path) -> None:
    image = Image(requirements=["numpy==2.1.0"])
    require_packages("", image, recipe(image, tmp_path))
    with pytest.raises(ImageError, match=r"^base of the image of the pipeline is an image of this"):
        require_packages("", image, recipe(image, tmp_path, digest="local 4711"))
