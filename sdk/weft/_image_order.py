"""Has images built by workloads: packages on a base, which needs no privileges and no tool here."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from weft._image_recipe import REQUIREMENTS, Recipe
from weft.errors import ImageError

if TYPE_CHECKING:
    from weft._connection import Connection
    from weft._image import Image
    from weft._images import Plan
    from weftapi.workspace.v1 import builds_pb2

_BY_HAND = "`weft image push` builds it here, with podman or docker, and `weft run` finds it then"


def order(connection: Connection, plan: Plan, stack: str) -> builds_pb2.Build:
    """Asks for a build of all images of a plan.

    Raises:
        ImageError: One is made of more than packages on a base.
        ApiError: The workspace refuses it.
    """
    from weftapi.workspace.v1 import builds_pb2, builds_pb2_grpc

    project = connection.project
    request = builds_pb2.CreateBuildRequest(parent=project, request_id=str(uuid.uuid4()))
    build = request.build
    build.pipeline = f"{project}/pipelines/{plan.pipeline}"
    build.checksum, build.stack = plan.checksum, stack
    for step, recipe in plan.recipes.items():
        require_packages(step, plan.images[step], recipe)
        target = build.step_images[step] if step else build.image
        target.uri = str(plan.reference(recipe))
        target.recipe.base = recipe.bases[0]
        target.recipe.python = plan.images[step].python
        target.recipe.build_arguments.update(recipe.build_args)
        if said := recipe.files.get(REQUIREMENTS):
            target.recipe.requirements.extend(said.data.decode().splitlines())
    stub = connection.workspace.stub(builds_pb2_grpc.BuildServiceStub)
    return connection.workspace.call(stub.CreateBuild, request)


def require_packages(step: str, image: Image, recipe: Recipe) -> None:
    """Raises ImageError for what a workload without privileges cannot build, setting by setting."""
    wheels = sorted(set(recipe.files) - {REQUIREMENTS})
    problems = {
        "dockerfile": "runs what only a builder with privileges may" if image.dockerfile else "",
        "apt": "installs Debian packages, for which one must be root" if image.apt else "",
        "requirements": f"name files of this machine ({wheels[0]})" if wheels else "",
        "base": "is an image of this machine, in no registry" if recipe.contents else "",
    }
    for setting, problem in problems.items():
        if problem:
            whose = f"step {step}" if step else "the pipeline"
            raise ImageError(
                f"{setting} of the image of {whose} {problem}, and this stack has images built by "
                f"workloads, which only add packages to a base: {_BY_HAND}"
            )
