"""Settings of this machine, from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weft._project_defaults import project_defaults

if TYPE_CHECKING:
    from weft._objects import Access


@dataclass(frozen=True, slots=True)
class Settings:
    """Where local runs keep things, and what they allow.

    Attributes:
        data: Folder of artifacts, spool and cache index. WEFT_DATA_DIR; by default the user's data
            folder of the platform.
        artifact_store: Path or URI. WEFT_ARTIFACT_STORE; by default `artifacts` in the data folder.
        project: Project of runs. WEFT_PROJECT, else that of weft.toml; by default `default`.
        allow_pickle: Whether values without a typed materializer may be pickled. WEFT_ALLOW_PICKLE;
            by default they may, with a warning.
        echo: Whether what steps print also goes to the terminal. WEFT_ECHO; by default it does.
        trusted_types: Types, as `module.Class`, that models may hold beside those of their library.
            WEFT_TRUSTED_TYPES, with commas; by default none.
        store_access: How the artifact store is reached, where a stack says so.
    """

    data: Path
    artifact_store: str
    project: str
    allow_pickle: bool
    echo: bool
    trusted_types: tuple[str, ...] = ()
    store_access: Access | None = None


def settings() -> Settings:
    """Read the settings as they are now."""
    data = Path(os.environ.get("WEFT_DATA_DIR") or _default_data())
    return Settings(
        data,
        os.environ.get("WEFT_ARTIFACT_STORE") or str(data / "artifacts"),
        os.environ.get("WEFT_PROJECT") or project_defaults().values.get("project") or "default",
        _flag("WEFT_ALLOW_PICKLE", default=True),
        _flag("WEFT_ECHO", default=True),
        tuple(filter(None, os.environ.get("WEFT_TRUSTED_TYPES", "").split(","))),
    )


def _default_data() -> str:
    import platformdirs

    return platformdirs.user_data_dir("weft", appauthor=False)


def _flag(name: str, *, default: bool) -> bool:
    text = os.environ.get(name, "").lower()
    return default if not text else text not in {"0", "false", "no", "off"}
