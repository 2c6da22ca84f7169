"""The images of a pipeline: found by what they are made of, or built and pushed once."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from weft._image import Image
from weft._image_recipe import Recipe, recipe_of
from weft._image_registry import NOBODY, Login, Reference, digest_of, known_login
from weft._image_stack import Registry, StackParts
from weft._image_tools import Tool, find_tool
from weft._project_file import image_of
from weft.errors import ImageError

if TYPE_CHECKING:
    from weft._connection import Connection
    from weft._graph import Graph
    from weftapi.workspace.v1 import builds_pb2

Listener = Callable[[str], None]
# The image of the runner, and of all steps without one of their own.
WHOLE = ""
_TAG_DIGITS = 32
_NAMED = 10


def images_of(graph: Graph, image: Image | None, folder: Path) -> dict[str, Image]:
    """The images that a pipeline asks for, by step; what its code does not say, weft.toml may.

    Raises:
        ImageError: weft.toml says what cannot be read.
    """
    found = {id_: node.step.image for id_, node in graph.nodes.items() if node.step.image}
    whole = image or image_of(folder)
    return {**found, WHOLE: whole} if whole else found


def see_to(
    connection: Connection,
    graph: Graph,
    image: Image | None,
    folder: Path,
    *,
    stack: str,
    listener: Listener,
) -> str:
    """Finds the images of a pipeline, or makes them; gives their build, "" where none is needed.

    Raises:
        ImageError: One cannot be made, or nobody says who makes it.
        ApiError: The workspace refuses it.
    """
    wanted = images_of(graph, image, folder)
    if not wanted:
        return ""
    parts = StackParts(connection, f"stacks/{stack}" if stack else "")
    if not parts.has_builder:
        if parts.needs_images:
            raise ImageError(
                "the pipeline asks for an image, and the stack has no image builder: add a "
                "component of the flavor local-image-builder to it, or in-cluster-image-builder"
            )
        listener("no image is built: the stack has no image builder, and needs no images")
        return ""
    images = Images(connection, parts, listener)
    plan = images.plan(graph.pipeline, wanted, folder)
    found = images.find(plan)
    if found:
        listener(told(found))
        return found.name
    return (images.order(plan) if parts.builds_in_cluster else images.make(plan)).name


def told(build: builds_pb2.Build) -> str:
    """What a build that was found means, to people."""
    from weftapi.workspace.v1 import builds_pb2

    is_there = build.state != builds_pb2.BUILD_STATE_BUILDING
    words = "image unchanged" if is_there else "image is being built already"
    return f"{words}: build {build.name.rpartition('/')[2]}"


@dataclass(frozen=True)
class Plan:
    """What a pipeline's images are made of, and where they go."""

    pipeline: str
    images: Mapping[str, Image]
    recipes: Mapping[str, Recipe]
    registry: Registry

    @cached_property
    def checksum(self) -> str:
        """By which a build of all these images is found again."""
        said = {step: recipe.key for step, recipe in self.recipes.items()}
        place = f"{self.registry.host}/{self.registry.repository}"
        return hashlib.sha256(json.dumps([place, said], sort_keys=True).encode()).hexdigest()

    def reference(self, recipe: Recipe) -> Reference:
        """Where an image goes: its tag says what it is made of."""
        tag = f"weft-{recipe.key[:_TAG_DIGITS]}"
        return Reference(self.registry.host, self.registry.repository, tag)


@dataclass
class Images:
    """Plans, finds and builds images with the means of one stack and of this machine."""

    connection: Connection
    stack: StackParts
    listener: Listener
    tool_name: str = ""
    _tool: Tool | None = field(default=None, init=False)

    def plan(self, pipeline: str, images: Mapping[str, Image], folder: Path) -> Plan:
        """What the images are made of today: their bases are pinned to what their tags have.

        Raises:
            ImageError: A base, a file or a registry is not there.
        """
        registry = self.stack.registry()
        recipes = {step: self.recipe(image, folder) for step, image in images.items()}
        return Plan(pipeline, images, recipes, registry)

    def recipe(self, image: Image, folder: Path) -> Recipe:
        """What one image is made of."""
        base, arguments = self.stack.base_image, self.stack.build_arguments
        recipe = recipe_of(image, folder, base=base, build_args=arguments)
        if names := recipe.left_out:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            said = ", ".join(names[:_NAMED])
            self.listener(f"hidden, linked or built, and so not in the image: {said}{more}")
        return recipe.pin(self._content_of)

    def find(self, plan: Plan) -> builds_pb2.Build | None:
        """The newest build of the same images, by anybody; also one that is under way."""
        from weftapi.workspace.v1 import builds_pb2, builds_pb2_grpc

        stub = self.connection.workspace.stub(builds_pb2_grpc.BuildServiceStub)
        request = builds_pb2.ListBuildsRequest(
            parent=self.connection.project,
            page_size=1,
            filter=f'checksum = "{plan.checksum}" AND pipeline = "{plan.pipeline}"',
        )
        found = self.connection.workspace.call(stub.ListBuilds, request).builds
        ended_badly = {builds_pb2.BUILD_STATE_FAILED, builds_pb2.BUILD_STATE_CANCELLED}
        return found[0] if found and found[0].state not in ended_badly else None

    def order(self, plan: Plan) -> builds_pb2.Build:
        """Has workloads build the images; runs of the build wait for them.

        Raises:
            ImageError: One is made of more than packages on a base.
            ApiError: The workspace refuses it.
        """
        from weft._image_order import order

        build = order(self.connection, plan, self.stack.name)
        short = build.name.rpartition("/")[2]
        self.listener(f"image is built by a workload: `weft builds logs {short}` follows it")
        return build

    def make(self, plan: Plan, *, is_forced: bool = False) -> builds_pb2.Build:
        """Builds and pushes what the registry does not have, and takes it down as a build.

        Raises:
            ImageError: An image cannot be built or pushed; with the builder's own words.
            ApiError: The workspace refuses it.
        """
        digests: dict[str, str] = {}
        for recipe in plan.recipes.values():
            if recipe.key not in digests:
                digests[recipe.key] = self._have(plan, recipe, is_forced=is_forced)
        return self._record(plan, digests)

    def build(self, plan: Plan) -> None:
        """Builds the images on this machine, and leaves them there."""
        recipes = {recipe.key: recipe for recipe in plan.recipes.values()}
        for recipe in recipes.values():
            image = plan.reference(recipe)
            self.tool.build(recipe, image, plan.registry.login(), self.listener)
            self.listener(f"image built: {image}")

    @property
    def tool(self) -> Tool:
        """What builds here; raises ImageError where there is nothing that could."""
        if self._tool is None:
            self._tool = find_tool(self.tool_name)
        return self._tool

    def _have(self, plan: Plan, recipe: Recipe, *, is_forced: bool) -> str:
        """The digest of an image in the registry, once it is there."""
        image, login = plan.reference(recipe), plan.registry.login
        digest = "" if is_forced else digest_of(image, login())
        if digest:
            self.listener(f"image unchanged: {image}")
            return digest
        self.listener(f"building {image} with {self.tool.name}")
        self.tool.build(recipe, image, login(), self.listener)
        digest = self.tool.push(image, login, self.listener)
        self.listener(f"image pushed: {image}@{digest}")
        return digest

    def _record(self, plan: Plan, digests: Mapping[str, str]) -> builds_pb2.Build:
        from weftapi.workspace.v1 import builds_pb2, builds_pb2_grpc

        project = self.connection.project
        request = builds_pb2.CreateBuildRequest(parent=project, request_id=str(uuid.uuid4()))
        request.build.pipeline = f"{project}/pipelines/{plan.pipeline}"
        request.build.checksum = plan.checksum
        for step, recipe in plan.recipes.items():
            target = request.build.step_images[step] if step else request.build.image
            target.uri = str(plan.reference(recipe))
            target.digest = digests[recipe.key]
        stub = self.connection.workspace.stub(builds_pb2_grpc.BuildServiceStub)
        return self.connection.workspace.call(stub.CreateBuild, request)

    def _content_of(self, base: str) -> str:
        """What a tag has now: a digest, or what this machine calls an image of its own."""
        image = Reference.of(base)
        if image is None:
            raise ImageError(f"the base {base} names no registry: write registry.example/{base}")
        if image.host == "localhost":
            if found := self.tool.local_digest(base):
                return f"local {found}"
            raise ImageError(f"{self.tool.name} has no image {base} on this machine")
        if digest := digest_of(image, self._login_to(image.host)):
            return digest
        raise ImageError(f"{image.host} has no image {image}")

    def _login_to(self, host: str) -> Login:
        registry = self.stack.registry_or_none
        own = registry.login() if registry and registry.host == host else NOBODY
        # A token is good for its own repository alone.
        return own if own.username else known_login(host)
