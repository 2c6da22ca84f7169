"""A stored value in the user's hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from weft._records import ArtifactVersion

if TYPE_CHECKING:
    from weft._lineage import Lineage

T = TypeVar("T")


class Artifact(Generic[T]):
    """One version of an artifact. Nothing is read before `load()`.

    Annotate an argument of a step with `Artifact[T]` to get this instead of the value, and pass one
    to a step inside a pipeline to use what an earlier run made.
    """

    def __init__(
        self, version: ArtifactVersion, *, allow_pickle: bool | None = None, store: str = ""
    ) -> None:
        self.version = version
        self._allow_pickle = allow_pickle
        self._store = store

    @property
    def name(self) -> str:
        """`step.output`."""
        return self.version.name

    @property
    def uri(self) -> str:
        """The directory of its files."""
        return self.version.uri

    def load(self) -> T:
        """Read the value.

        Raises:
            PickleRefusedError: It is pickled, and the policy refuses that.
            ArtifactCorruptedError: The files are not what was stored.
            ArtifactStoreError: The files are gone, or in a store that is not configured here.
        """
        from weft._settings import settings
        from weft._store import open_store
        from weft._values import load_value

        local = settings()
        allowed = local.allow_pickle if self._allow_pickle is None else self._allow_pickle
        store = open_store(self._store or local.artifact_store)
        return cast("T", load_value(store, self.version, allow_pickle=allowed))

    def lineage(self, *, depth: int = 10) -> Lineage:
        """Ask the workspace in use what it was made of, and what was made of it.

        Args:
            depth: How many steps away, 1 to 10.

        Raises:
            NotFoundError: It is not there any more.
            ContextError: No workspace is known here: sign in first.
            WeftError: The workspace has no record of it.
        """
        from weft._lineage import lineage_of

        return lineage_of(self.version, depth)

    def __repr__(self) -> str:
        v = self.version
        return f"<artifact {v.name} {v.format} {v.size_bytes} B sha256:{v.content_hash[:12]}>"

    def _repr_html_(self) -> str:
        from weft import _reprs

        return _reprs.of_artifact(self)


def is_artifact_hint(hint: Any) -> bool:
    """Whether an argument asks for the artifact instead of its value."""
    return hint is Artifact or getattr(hint, "__origin__", None) is Artifact
