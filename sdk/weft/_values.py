"""Values to artifact versions and back: materializer, store, hash and the pickle policy."""

from __future__ import annotations

import platform
import warnings
from contextlib import suppress
from functools import cache
from typing import Any

from weft._ids import new_uid
from weft._json import class_name
from weft._materializers import registry
from weft._materializers.base import Materializer, Saved
from weft._records import ArtifactVersion
from weft._store import ArtifactStore, Place, Staged
from weft.errors import MaterializerError, PickleRefusedError, PickleWarning, WeftError

_WHO_ALLOWS = (
    "This machine (WEFT_ALLOW_PICKLE) and the workspace (its WEFT_WORKSPACE_ALLOW_PICKLE) must "
    "both allow it"
)


def save_value(
    store: ArtifactStore, place: Place, value: Any, *, allow_pickle: bool
) -> ArtifactVersion:
    """Store a value.

    Raises:
        PickleRefusedError: It needs pickle, and the policy refuses it.
        MaterializerError: The materializer failed; the cause says why.
    """
    materializer = registry.for_value(value)
    _check_pickle(materializer, place, value, allow_pickle=allow_pickle)
    try:
        with store.write(place) as staged:
            saved = materializer.save(value, staged.directory)
    except WeftError:
        raise
    except Exception as error:
        raise MaterializerError(
            f"output {place.output!r} of step {place.step} ({class_name(type(value))}) "
            f"could not be stored by {materializer.label}: {error}"
        ) from error
    return _version(place, value, materializer, saved, staged)


def load_value(store: ArtifactStore, version: ArtifactVersion, *, allow_pickle: bool) -> Any:
    """Load a stored value, after checking its hash.

    Raises:
        PickleRefusedError: It is pickled, and the policy refuses that or the flag is missing.
        ArtifactCorruptedError: The files are not what was stored.
        MaterializerError: Nothing here reads the format, or reading failed.
    """
    materializer = registry.by_label(version.materializer)
    if materializer.is_pickle and not (version.is_pickled and allow_pickle):
        raise PickleRefusedError(
            f"artifact {version.name} is pickled: reading it runs code that is stored in it, and "
            f"the policy refuses pickle. {_WHO_ALLOWS}: for those who trust whoever wrote it."
        )
    with store.read(version.uri, version.content_hash) as directory:
        try:
            return materializer.load(directory)
        except WeftError:
            raise
        except Exception as error:
            raise MaterializerError(
                f"artifact {version.name} could not be read by {materializer.label}: {error}"
            ) from error


def _check_pickle(
    materializer: Materializer, place: Place, value: Any, *, allow_pickle: bool
) -> None:
    if not materializer.is_pickle:
        return
    what = f"output {place.output!r} of step {place.step} is a {class_name(type(value))}"
    if not allow_pickle:
        raise PickleRefusedError(
            f"{what}, which only pickle could store, and the policy refuses pickle: "
            f"register a materializer for it, or return plain data. {_WHO_ALLOWS}."
        )
    warnings.warn(
        f"{what} and has no typed materializer, so it is pickled and flagged: "
        "reading it runs code, and may fail with other versions of its library",
        PickleWarning,
        stacklevel=2,
    )


def _version(
    place: Place, value: Any, materializer: Materializer, saved: Saved, staged: Staged
) -> ArtifactVersion:
    return ArtifactVersion(
        uid=new_uid(),
        name=f"{place.step}.{place.output}",
        uri=staged.uri,
        data_type=class_name(type(value)).replace(":", "."),
        materializer=materializer.label,
        format=saved.format,
        content_hash=staged.content_hash,
        size_bytes=staged.size_bytes,
        type=saved.type,
        schema=saved.schema,
        statistics=saved.statistics,
        libraries={"python": platform.python_version()} | _versions(materializer.libraries),
        visualizations=saved.visualizations,
        is_pickled=materializer.is_pickle,
        producer_run=place.run,
        producer_step=place.step,
    )


@cache
def _versions(distributions: tuple[str, ...]) -> dict[str, str]:
    if not distributions:
        return {}
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in distributions:
        with suppress(PackageNotFoundError):  # a library used from its source tree
            found[name] = version(name)
    return found
