"""Which images workloads may name."""

import pytest

from meshkit.errors import FailedPrecondition, InvalidArgument
from workloads.launchers.kubernetes.images import Images

DIGEST = "@sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("registry", "image"),
    [
        ("registry.example", "registry.example/python"),
        ("registry.example", "registry.example/team/trainer:3.12"),
        ("localhost", "localhost/trainer"),
        ("registry.example:5000", "registry.example:5000/a/b/c:v1.2_3"),
        ("registry.example/team/", "registry.example/team/trainer" + DIGEST),
    ],
)
def test_images_of_allowed_registries_are_allowed(registry, image):
    Images([registry]).check(image)


@pytest.mark.parametrize(
    ("registry", "image"),
    [
        ("registry.example", "registry.example.evil/trainer"),
        ("registry.example", "registry.example:5000/trainer"),
        ("registry.example", "evil/registry.example/trainer"),
        ("registry.example/team", "registry.example/trainer"),
    ],
)
def test_others_are_refused_by_name(registry, image):
    with pytest.raises(FailedPrecondition, match=image) as refused:
        Images([registry]).check(image)
    assert refused.value.reason == "IMAGE_NOT_ALLOWED"
    assert refused.value.metadata == {"image": image}


def test_none_is_allowed_where_nothing_is_said_and_none_is_needed():
    Images([]).check("")
    with pytest.raises(FailedPrecondition, match="allowed: none"):
        Images([]).check("registry.example/python")


@pytest.mark.parametrize("image", ["python", "python:3.12", "team/trainer"])
def test_which_registry_a_short_name_means_is_not_for_a_node_to_say(image):
    with pytest.raises(FailedPrecondition, match="names no registry"):
        Images(["team", "python", ""]).check(image)


def test_pinned_means_by_digest_and_not_by_tag():
    images = Images(["r.example"], are_digests_required=True)
    images.check("r.example/python" + DIGEST)
    images.check("r.example/python:3.12" + DIGEST)
    for image in ("r.example/python", "r.example/python:3.12"):
        with pytest.raises(FailedPrecondition, match="is not pinned"):
            images.check(image)


@pytest.mark.parametrize(
    "image",
    [
        "Python",
        "python:",
        "python@sha256:" + "a" * 63,
        "python@md5:" + "a" * 32,
        "registry.example/../team/trainer",
        "registry.example/team//trainer",
        "registry.example/team/trainer\n",
        "registry.example%2Fteam/trainer",
        "user@registry.example/trainer",
        "https://registry.example/trainer",
        " python",
        "/python",
        "a" * 600 + " ",
    ],
)
def test_what_is_no_reference_is_refused_as_such(image):
    with pytest.raises(InvalidArgument, match="no reference"):
        Images(["registry.example"]).check(image)
