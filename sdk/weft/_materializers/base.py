"""What a materializer is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal


@dataclass(frozen=True, slots=True)
class Saved:
    """What is worth knowing about a saved value without opening it.

    Attributes:
        format: `json`, `npy`, `parquet`, ...
        schema: Columns, shape, dtype, ...
        statistics: Counts and ranges, where cheap.
        visualizations: Names of files in the directory that a browser can show, as their ending
            says: png, jpg, gif, webp, html, md, csv, json. At most 16 of 3 MiB each.
        type: MODEL for trained models.
    """

    format: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    statistics: Mapping[str, Any] = field(default_factory=dict)
    visualizations: tuple[str, ...] = ()
    type: Literal["DATA", "MODEL"] = "DATA"


class Materializer(ABC):
    """Writes values of some types as files, and reads them back equal.

    Attributes:
        name: What artifacts record; never reuse a name for another format.
        version: Raised when files of the last version would not read; part of cache keys.
        is_pickle: Whether reading runs code stored in the files. Such artifacts are flagged.
        libraries: Distributions whose versions are recorded.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    is_pickle: ClassVar[bool] = False
    libraries: ClassVar[tuple[str, ...]] = ()

    @property
    def label(self) -> str:
        """Name and version, as artifacts record them."""
        return f"{self.name}/{self.version}"

    def accepts(self, value: Any) -> bool:  # noqa: ARG002 - for overriding
        """Whether this value, of a registered type, can be stored; else the next one is asked."""
        return True

    @abstractmethod
    def save(self, value: Any, directory: Path) -> Saved:
        """Write the value as files into an empty directory."""

    @abstractmethod
    def load(self, directory: Path) -> Any:
        """Read the value; the directory may vanish once this returns."""
